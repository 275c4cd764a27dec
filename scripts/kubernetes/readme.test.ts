import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { commandsOf } from '../readme.ts'
import { clusterOf } from './checks/cluster.ts'
import { buildKustomization } from './checks/kustomize.ts'
import { nameOf } from './checks/schema.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = join(import.meta.dirname, 'example')
const objects = buildKustomization(folder)
const known = new Set(objects.map((object) => nameOf(object).toLowerCase().replace(' ', '/')))
const own = commandsOf(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8'))

test('the three commands of the README are those at length, in their order', () => {
  const short = commandsOf(readFileSync(join(root, 'README.md'), 'utf8')).filter((line) =>
    line.startsWith('kubectl '),
  )
  assert.deepEqual(
    short,
    own.filter((line) => short.includes(line)),
  )
  assert.deepEqual(
    short.map((line) => line.split(' ')[1]),
    ['apply', 'wait', 'cp'],
  )
})

test('folders, objects, namespace and paths that commands name are there', () => {
  const kubectl = own.filter((line) => line.startsWith('kubectl '))
  assert.ok(kubectl.length >= 7)
  for (const line of kubectl) {
    const words = line.split(' ')
    const after = (option: string) => words[words.indexOf(option) + 1] ?? ''
    if (words.includes('-k')) assert.ok(existsSync(join(root, after('-k'))), line)
    if (words.includes('--namespace')) assert.equal(after('--namespace'), 'trustbench', line)
    for (const word of words.filter((one) => /^(job|pod)\//.test(one)))
      assert.ok(known.has(word), line)
  }
  const { workloads } = clusterOf(objects)
  const results = workloads.find(({ name }) => name === 'results')?.spec.containers[0]
  assert.deepEqual(
    own.filter((line) => line.startsWith('kubectl cp')).map((line) => line.split(' ')[2]),
    [`trustbench/results:${results?.volumeMounts?.[0]?.mountPath ?? ''}`],
  )
})

test('the coordinator writes where that pod reads', () => {
  const { workloads } = clusterOf(objects)
  const mounted = ['coordinator', 'results'].map((name) => {
    const { containers = [], volumes = [] } = workloads.find((one) => one.name === name)?.spec ?? {}
    const volume = volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined)
    const mount = containers[0]?.volumeMounts?.find((one) => one.name === volume?.name)
    return [volume?.persistentVolumeClaim?.claimName, mount?.mountPath]
  })
  assert.deepEqual(mounted, [
    ['results', '/app/results'],
    ['results', '/app/results'],
  ])
})
