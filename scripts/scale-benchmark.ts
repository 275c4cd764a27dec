import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { RunEnvelope } from '../bench/analysis/envelope-schema.ts'

// How far one generator goes: a million requests in one window with flat memory, and ten thousand open
// connections. Both by the command line as users have it, against a server of a few lines on 127.0.0.1.
//   node scripts/scale-benchmark.ts [--requests 1000000] [--connections 10000] [--rate 6000] [--out FILE]

const root = join(import.meta.dirname, '..')

/** One thing that was promised, and what was seen. */
interface Claim {
  readonly claim: string
  readonly seen: string
  readonly holds: boolean
}

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    connections: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '6000' },
    out: { type: 'string' },
  },
})

/** The smallest server there is: what is measured is the generator. */
const serverSource = `
import { createServer } from 'node:http'
const body = '{"ok":true}'
const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  response.writeHead(200, { 'content-length': body.length }).end(body)
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.send(server.address().port))
process.once('disconnect', () => process.exit(0))
`

async function startServer(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', serverSource], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}

/** Runs `bench` on a target, and its resident memory once a second while it does. */
async function bench(
  port: number,
  words: readonly string[],
): Promise<{ readonly envelope: RunEnvelope; readonly rssBytes: number[] }> {
  const child = spawn(
    process.execPath,
    [
      join(root, 'scripts', 'launch.mjs'),
      ...['bench', '--target', `http://127.0.0.1:${port}/`, '--i-own-this-target'],
      ...['--load', 'open', '--arrivals', 'constant', '--json', ...words],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env } },
  )
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  const rssBytes: number[] = []
  const timer = setInterval(() => {
    const rss = rssOf(child.pid ?? 0)
    if (rss !== null) rssBytes.push(rss)
  }, 1_000)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(timer)
  if (code !== 0) throw new Error(`bench ${words.join(' ')}: exit code ${code ?? 'none'}`)
  return { envelope: JSON.parse(printed) as RunEnvelope, rssBytes }
}

/** Of a process, or of the child that it does its work in. */
function rssOf(pid: number): number | null {
  const read = (file: string): string | null => {
    try {
      return readFileSync(file, 'latin1')
    } catch {
      return null
    }
  }
  const children = read(`/proc/${pid}/task/${pid}/children`)?.trim().split(' ') ?? []
  const kib = [pid, ...children].map((one) =>
    Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${one}/status`) ?? '')?.[1] ?? 0),
  )
  const largest = Math.max(...kib)
  return largest === 0 ? null : largest * 1_024
}

async function millionRequests(requests: number, rate: number): Promise<Claim[]> {
  const { child, port } = await startServer()
  try {
    const seconds = Math.ceil(requests / rate)
    const { envelope, rssBytes } = await bench(port, [
      ...['--rate', String(rate), '--duration', `${seconds}s`],
      ...['--connections', '64', '--max-connections', '256'],
    ])
    const loop = envelope.cases[0]?.openLoop
    const quarter = Math.floor(rssBytes.length / 4)
    const middle = (values: readonly number[]) =>
      values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
    // The first quarter has the compiler's memory and the schedule's; later ones must not grow.
    const [early, late] = [
      middle(rssBytes.slice(quarter, 2 * quarter)),
      middle(rssBytes.slice(-quarter)),
    ]
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`
    return [
      {
        claim: `${requests.toLocaleString('en')} requests in one window, all answered`,
        seen: `${loop?.answered.toLocaleString('en')} of ${loop?.requests.toLocaleString('en')}, ${loop?.invalid.length === 0 ? 'valid' : (loop?.invalid.join('; ') ?? '')}`,
        holds: loop !== null && loop !== undefined && loop.answered >= requests,
      },
      {
        claim: 'memory is flat: last quarter within 10 % of the second',
        seen: `${mib(early)}, then ${mib(late)} (${rssBytes.length} samples)`,
        holds: late <= early * 1.1,
      },
    ]
  } finally {
    child.kill('SIGKILL')
  }
}

async function openConnections(connections: number): Promise<Claim[]> {
  const { child, port } = await startServer()
  try {
    const { envelope, rssBytes } = await bench(port, [
      ...['--rate', '500', '--duration', '20s', '--timeout', '30s'],
      ...['--connections', String(connections), '--max-connections', String(connections)],
    ])
    const loop = envelope.cases[0]?.openLoop
    return [
      {
        claim: `${connections.toLocaleString('en')} connections open at once, requests answered on them`,
        seen: `${loop?.connections.toLocaleString('en')} opened, ${loop?.answered} of ${loop?.requests} answered, ${(Math.max(...rssBytes) / 2 ** 20).toFixed(0)} MiB`,
        holds: loop?.connections === connections && loop.answered === loop.requests,
      },
    ]
  } finally {
    child.kill('SIGKILL')
  }
}

const claims = [
  ...(await openConnections(Number(values.connections))),
  ...(await millionRequests(Number(values.requests), Number(values.rate))),
]
for (const { claim, seen, holds } of claims)
  process.stdout.write(`${holds ? 'holds ' : 'MISSED'}  ${claim}: ${seen}\n`)
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify({ claims }, null, 1)}\n`)
process.exitCode = claims.every(({ holds }) => holds) ? 0 : 1
