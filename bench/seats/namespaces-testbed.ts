import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** How long a message takes from a seat to Redis, and back. */
export interface Way {
  readonly thereMs: number
  readonly backMs: number
}

/** Machines of a test's own: network namespaces on one bridge, gone with all that runs in them at its end. */
export interface Network {
  /** Words before a command that is to run where Redis and the target are. */
  readonly hub: readonly string[]
  /** The same on each seat's machine. */
  readonly seats: readonly (readonly string[])[]
  /** Where a seat finds Redis, at the end of its way. */
  readonly rendezvous: (seat: number) => string
  readonly hubRendezvous: string
  /** A server that answers everything; `/count` tells how often. */
  readonly target: string
  readonly delayedBy: 'netem' | 'relay'
}

/** Why there can be no namespaces here; false where there can be, and on CI, where that must fail. */
export const noNamespaces = missingReason()

/** Builds the network and starts Redis and a target on its hub. */
export async function createNetwork(t: TestContext, ways: readonly Way[]): Promise<Network> {
  const name = (part: string | number) => `tb${process.pid}-${part}`
  const children: ChildProcess[] = []
  const namespaces: string[] = []
  t.after(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    // What is in it, veths and bridge, goes with it.
    for (const namespace of namespaces) spawnSync('ip', ['netns', 'del', namespace])
  })
  const hub = addNamespace(name('hub'), namespaces)
  ip('-n', hub, 'link', 'add', 'bridge', 'type', 'bridge')
  ip('-n', hub, 'addr', 'add', `${hubAddress}/24`, 'dev', 'bridge')
  ip('-n', hub, 'link', 'set', 'bridge', 'up')
  const delayed = ways.map((way, seat) => addSeat(name(seat), { hub, seat, way, namespaces }))
  const delayedBy = delayed.every(Boolean) ? 'netem' : 'relay'
  const start = (...command: string[]) => {
    const child = spawn('ip', ['netns', 'exec', hub, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    return child
  }
  await said(
    start(
      ...['redis-server', '--port', String(redisPort), '--bind', hubAddress],
      ...['--protected-mode', 'no', '--save', '', '--appendonly', 'no'],
    ),
    /Ready to accept/,
  )
  const script = join(import.meta.dirname, 'namespaces-hub.ts')
  const ports = [redisPort, targetPort, firstRelayPort].map(String)
  const delays = ways.map(({ thereMs, backMs }) => `${thereMs}:${backMs}`)
  await said(start(process.execPath, script, hubAddress, ...ports, ...delays), /listening/)
  const redisAt = (port: number) => `redis://${hubAddress}:${port}`
  return {
    hub: ['ip', 'netns', 'exec', hub],
    seats: ways.map((_, seat) => ['ip', 'netns', 'exec', name(seat)]),
    rendezvous: (seat) => redisAt(delayedBy === 'netem' ? redisPort : firstRelayPort + seat),
    hubRendezvous: redisAt(redisPort),
    target: `http://${hubAddress}:${targetPort}/`,
    delayedBy,
  }
}

function addNamespace(name: string, namespaces: string[]): string {
  ip('netns', 'add', name)
  namespaces.push(name)
  ip('-n', name, 'link', 'set', 'lo', 'up')
  return name
}

/** A machine at the bridge; whether the kernel can delay what it sends. */
function addSeat(
  name: string,
  {
    hub,
    seat,
    way: { thereMs, backMs },
    namespaces,
  }: {
    readonly hub: string
    readonly seat: number
    readonly way: Way
    readonly namespaces: string[]
  },
): boolean {
  addNamespace(name, namespaces)
  const plug = `plug${seat}`
  ip('-n', hub, 'link', 'add', plug, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  ip('-n', hub, 'link', 'set', plug, 'master', 'bridge', 'up')
  ip('-n', name, 'addr', 'add', `10.77.0.${seat + 2}/24`, 'dev', 'eth0')
  ip('-n', name, 'link', 'set', 'eth0', 'up')
  const delay = (namespace: string, device: string, ms: number) =>
    spawnSync('tc', [
      ...['-n', namespace, 'qdisc', 'add', 'dev', device, 'root', 'netem', 'delay', `${ms}ms`],
    ]).status === 0
  return delay(name, 'eth0', thereMs) && delay(hub, plug, backMs)
}

function ip(...words: string[]): void {
  const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`)
}

async function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = ''
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (pattern.test(text)) resolve(undefined)
    })
  }
  child.once('exit', () => {
    reject(new Error(`ended without ${pattern.source}: ${text}`))
  })
  await promise
}

function missingReason(): string | false {
  if (process.env['CI'] === 'true') return false
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const name = `tb${process.pid}-probe`
  const { status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (status !== 0) return `network namespaces: ${status === null ? 'no ip' : stderr.trim()}`
  spawnSync('ip', ['netns', 'del', name])
  return false
}

const hubAddress = '10.77.0.1'
const redisPort = 6_379
const targetPort = 8_080
const firstRelayPort = 7_000
