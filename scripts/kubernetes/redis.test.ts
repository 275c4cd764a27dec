import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { temporaryFolder } from '../../bench/cli-testbed.ts'
import { listen } from '../../bench/targets/target-testbed.ts'
import { noRedis } from '../../servers/database-testbed.ts'
import { clusterOf, configured, type Workload } from './checks/cluster.ts'
import { buildKustomization } from './checks/kustomize.ts'

const cluster = clusterOf(buildKustomization(join(import.meta.dirname, 'example')))
const password = '0123456789abcdef'

test(
  'Redis as the manifests start it: a password that no process list shows, nothing kept',
  { skip: noRedis },
  async (t) => {
    const redis = await start(t)
    const shown = readFileSync(`/proc/${redis.pid}/cmdline`, 'latin1')
    assert.match(shown, /^redis-server/)
    assert.ok(!shown.includes(password))
    assert.equal(redis.ask('', 'ping').trim(), 'NOAUTH Authentication required.')
    assert.equal(redis.ask(password, 'ping').trim(), 'PONG')
    for (const [name, value] of [
      ['save', ''],
      ['appendonly', 'no'],
      ['maxmemory', String(384 * 2 ** 20)],
      ['maxmemory-policy', 'noeviction'],
    ] as const) {
      assert.deepEqual(redis.ask(password, 'config', 'get', name).split('\n').slice(0, 2), [
        name,
        value,
      ])
    }
  },
)

test(
  'its probe and the containers that wait for it say when it is there',
  { skip: noRedis },
  async (t) => {
    const redis = await start(t)
    const { readinessProbe } = workload('redis').spec.containers[0] ?? {}
    const probe = readinessProbe?.exec?.command ?? []
    const waits = ['coordinator', 'seats'].map(
      (name) => workload(name).spec.initContainers?.[0]?.command ?? [],
    )
    for (const command of [probe, ...waits]) assert.equal(redis.run(command), 0)
    redis.end()
    await redis.ended
    assert.equal(redis.run(probe), 1)
  },
)

function workload(name: string): Workload {
  const found = cluster.workloads.find((one) => one.name === name)
  assert.ok(found)
  return found
}

/** The container's own command, with its files and port put where a test may have them. */
async function start(t: TestContext) {
  const folder = temporaryFolder(t)
  const probe = createServer()
  const port = await listen(t, probe)
  await new Promise((resolve) => probe.close(resolve))
  const conf = configured(cluster, 'redis', 'redis.conf') ?? ''
  writeFileSync(join(folder, 'redis.conf'), `${conf}port ${port}\nbind 127.0.0.1\n`)
  writeFileSync(join(folder, 'password'), password)
  const local = (command: readonly string[]) =>
    command.map((text) =>
      text
        .replaceAll('/run/trustbench/rendezvous/password', join(folder, 'password'))
        .replaceAll('/etc/redis/redis.conf', join(folder, 'redis.conf'))
        .replaceAll(/redis-cli( -h redis)?/g, `redis-cli -h 127.0.0.1 -p ${port}`),
    )
  const [file = '', ...args] = local(workload('redis').spec.containers[0]?.command ?? [])
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  for await (const text of child.stdout.setEncoding('utf8')) {
    said += String(text)
    if (said.includes('Ready to accept connections')) break
  }
  assert.match(said, /Ready to accept connections/)
  return {
    // The shell has made way for it, so that signals reach it.
    pid: child.pid ?? 0,
    ended,
    end: () => child.kill('SIGTERM'),
    ask: (secret: string, ...words: string[]) =>
      spawnSync('redis-cli', ['-p', String(port), ...words], {
        encoding: 'utf8',
        env: { ...process.env, ...(secret === '' ? {} : { REDISCLI_AUTH: secret }) },
      }).stdout,
    run(command: readonly string[]) {
      const [program = '', ...rest] = local(command)
      return spawnSync(program, rest, { timeout: 30_000 }).status
    },
  }
}
