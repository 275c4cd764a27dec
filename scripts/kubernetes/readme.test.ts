import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import test from 'node:test'
import { durationMs } from '../../bench/commands/plan-options.ts'
import { commandsOf } from '../readme.ts'
import { clusterOf, type Cluster } from './checks/cluster.ts'
import { buildKustomization, select } from './checks/kustomize.ts'
import { replaceAt, valueAt } from './checks/place.ts'
import { nameOf } from './checks/schema.ts'
import { deadlineMs, timeProblems } from './checks/times.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = join(import.meta.dirname, 'example')
const objects = buildKustomization(folder)
const known = new Set(objects.map((object) => nameOf(object).toLowerCase().replace(' ', '/')))
const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
const own = commandsOf(readme)
/** The folder that a reader copies, by that of the copy. */
const copies = new Map(
  [...readme.matchAll(/`cp -r (\S+) (\S+)`/g)].map(([, from = '', to = '']) => [to, from]),
)

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
    if (words.includes('-k')) assert.equal(copies.get(after('-k')), relative(root, folder), line)
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

test('a copy of the example finds what it names, and git and prettier leave it alone', () => {
  assert.equal(copies.size, 1)
  for (const [to, from] of copies) {
    assert.ok(existsSync(join(root, from, 'kustomization.yaml')))
    // `../base`, and the `$schema` of the configuration.
    assert.equal(dirname(to), dirname(from))
    // Prettier has .gitignore for its own, too.
    const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split('\n')
    assert.ok(ignored.includes(`${to}/`))
  }
})

test('a run may be as long as is told, and a command waits until it is ended', () => {
  const [, minutes = ''] = /up to (\d+) minutes/.exec(readme) ?? []
  assert.deepEqual(timeProblems(lasting(Number(minutes))), [])
  assert.equal(timeProblems(lasting(Number(minutes) + 5)).length, 2)
  const [wait = ''] = own.filter((line) => line.startsWith('kubectl wait '))
  const [, timeout = ''] = /--timeout=(\S+)/.exec(wait) ?? []
  assert.equal(durationMs('--timeout', timeout), deadlineMs(clusterOf(objects), 'coordinator'))
})

test('no command leaves a secret in a file, or shows one to a process list', () => {
  assert.deepEqual(
    own.filter((line) => />|\btee\b|--from-literal/.test(line)),
    [],
  )
})

test(
  'the password is made as it is told: 64 digits and no end of line',
  { skip: noKubectl() },
  () => {
    const [line = ''] = own.filter((one) => one.includes('secret generic rendezvous'))
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['-c', `${line} --dry-run=client --output=json`],
      { encoding: 'utf8' },
    )
    assert.equal(status, 0, stderr)
    const password = valueAt(JSON.parse(stdout), ['data', 'password'])
    assert.match(Buffer.from(String(password), 'base64').toString(), /^[\da-f]{64}$/)
  },
)

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

/** The example, with so many minutes of load. */
function lasting(minutes: number): Cluster {
  const all = buildKustomization(folder)
  const config = select(all, { kind: 'ConfigMap', name: 'trustbench' })
  replaceAt(
    config,
    ['data', 'trustbench.config.json'],
    JSON.stringify({ maxDuration: `${minutes}m` }),
  )
  return clusterOf(all)
}

function noKubectl(): string | false {
  const { status } = spawnSync('kubectl', ['version', '--client'])
  return status === 0 ? false : 'no kubectl'
}
