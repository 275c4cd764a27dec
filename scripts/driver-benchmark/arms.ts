import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { BenchError } from '../../bench/errors.ts'
import type { LoadTarget } from '../../bench/load/target.ts'
import type { ServerProcess } from '../../bench/processes.ts'
import { createCpuMeter } from '../../bench/sensors.ts'
import type { ClientAnswer, NodeClient, Setup, SliceOrder, SliceReading } from './messages.ts'

/** A load generator in a process of its own, on the client's core. */
export interface ClientArm extends AsyncDisposable {
  slice(requests: number): Promise<SliceReading>
}

/** What a client process is started with. */
export interface ArmOptions {
  readonly target: LoadTarget
  readonly connections: number
  readonly server: ServerProcess
  readonly clientCpus: readonly number[]
}

/** Starts one of the Node clients; throws `measurement-failed` with its reason. */
export async function startNodeClient(
  client: NodeClient,
  { target, connections, server, clientCpus }: ArmOptions,
): Promise<ClientArm> {
  const program = join(import.meta.dirname, 'client.ts')
  const child = spawn('taskset', ['-c', clientCpus.join(','), process.execPath, program, client], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ask = async (question: Setup | SliceOrder): Promise<ClientAnswer> => {
    const answer = nextAnswer(child, client)
    child.send(question)
    const said = await answer
    if (said.kind === 'failed')
      throw new BenchError('measurement-failed', `${client}: ${said.reason}`)
    return said
  }
  const { expect, ...rest } = target
  const expectBody = (expect.body ?? '').toString('utf8')
  await ask({ target: rest, expectBody, connections, serverPid: server.pid })
  return {
    async slice(requests) {
      const before = await server.snapshot()
      const said = await ask({ requests })
      if (said.kind !== 'slice')
        throw new BenchError('measurement-failed', `${client}: answered ${said.kind}`)
      // autocannon's own warm-up is in the server's count, so this is a floor.
      const served = (await server.snapshot()).requests - before.requests
      if (served < said.slice.requests)
        throw new BenchError('measurement-failed', `${client}: the server counted ${served}`)
      return said.slice
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

/** Version line of the installed wrk; null without one. */
export function wrkVersion(): string | null {
  // It exits 1 after printing its version.
  const { stdout, error } = spawnSync('wrk', ['-v'], { encoding: 'utf8' })
  return error === undefined ? (/^wrk \S+( \S+)?/.exec(stdout)?.[0] ?? 'wrk') : null
}

/**
 * Starts wrk with one thread for longer than anybody measures, and holds it by SIGSTOP between its
 * slices: its threads are alive and at rest at both ends of a slice, so that `schedstat` has all
 * their CPU to the nanosecond, and no handshake is inside. Its requests are those that the server
 * counted. A slice lasts `sliceMs`, whatever number of requests is asked for.
 */
export async function startWrk(
  { target, connections, server, clientCpus }: ArmOptions,
  sliceMs: number,
): Promise<ClientArm> {
  const headers = Object.entries(target.headers).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ])
  const url = `${target.tls === null ? 'http' : 'https'}://${target.host}:${target.port}${target.path}`
  const load = ['-t', '1', '-c', String(connections), '-d', '1h', ...headers, url]
  const child = spawn('taskset', ['-c', clientCpus.join(','), 'wrk', ...load], { stdio: 'ignore' })
  const pid = child.pid
  if (pid === undefined) throw new BenchError('measurement-failed', 'wrk could not be started')
  const [clientMeter, serverMeter] = [createCpuMeter(pid), createCpuMeter(server.pid)]
  const read = async () => {
    const requests = await settledRequests(server)
    const [clientCpu, serverCpu] = [clientMeter(), serverMeter()]
    if (clientCpu === null || serverCpu === null)
      throw new BenchError('measurement-failed', 'wrk ended early')
    return { requests, clientUs: clientCpu.cpuUs, serverUs: serverCpu.cpuUs }
  }
  await untilConnected(server, connections)
  await hold(pid)
  return {
    async slice() {
      const before = await read()
      process.kill(pid, 'SIGCONT')
      await pause(sliceMs)
      await hold(pid)
      const after = await read()
      return {
        requests: after.requests - before.requests,
        clientCpuUs: after.clientUs - before.clientUs,
        serverCpuUs: after.serverUs - before.serverUs,
        latencyP50Us: null,
      }
    },
    [Symbol.asyncDispose]: () => end(child),
  }
}

function nextAnswer(child: ChildProcess, name: string): Promise<ClientAnswer> {
  return new Promise((resolve, reject) => {
    const onClose = () => {
      reject(new BenchError('measurement-failed', `${name}: its process ended`))
    }
    child.once('close', onClose)
    child.once('message', (message: ClientAnswer) => {
      child.removeListener('close', onClose)
      resolve(message)
    })
  })
}

/** wrk has opened its connections when the server has answered some requests on each. */
async function untilConnected(server: ServerProcess, connections: number): Promise<void> {
  const { requests } = await server.snapshot()
  for (let waitedMs = 0; waitedMs < connectLimitMs; waitedMs += pollMs) {
    const now = await server.snapshot()
    if (now.requests - requests > connections * 10) return
    await pause(pollMs)
  }
  throw new BenchError('measurement-failed', 'wrk sent nothing')
}

/** Stops a process and waits until every thread of it is: the signal alone does not wait. */
async function hold(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  for (let waitedMs = 0; waitedMs < connectLimitMs; waitedMs += 1) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return
    await pause(1)
  }
  throw new BenchError('measurement-failed', `process ${pid} does not stop`)
}

/** The server may still be answering what was sent before the stop. */
async function settledRequests(server: ServerProcess): Promise<number> {
  let last = (await server.snapshot()).requests
  for (;;) {
    await pause(pollMs)
    const { requests } = await server.snapshot()
    if (requests === last) return requests
    last = requests
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

const connectLimitMs = 10_000
const pollMs = 5
