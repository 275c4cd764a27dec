import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BenchError } from '../errors.ts'

/** Loop iterations to burn on each request, by server program. */
export type Injection = Readonly<Record<string, number>>

/**
 * Changes a copy of the source so that every guarded request burns so many loop iterations. Only the
 * copy is changed: the servers themselves have no switch for it. Throws `unfit` when the source has
 * changed so that the place is not found.
 */
export async function injectBurn(tree: string, iterations: Injection): Promise<void> {
  const file = join(tree, 'servers', 'guarded-app.ts')
  const source = await readFile(file, 'utf8')
  const parts = source.split(entry)
  if (parts.length !== 2) {
    throw new BenchError(
      'unfit',
      `selftest: ${parts.length - 1} entries to guardRoute in servers/guarded-app.ts instead of 1; adapt bench/selftest/inject.ts`,
    )
  }
  const program = `process.argv[1]?.replace(/^.*[\\\\/]|\\.ts$/g, '') ?? ''`
  const burn = `const burnIterations: number = (${JSON.stringify(iterations)} as Record<string, number>)[${program}] ?? 0\n${loopSource}`
  await writeFile(file, `${parts.join(`${entry}\n    burn(burnIterations)`)}\n${burn}`)
}

/**
 * CPU time of one loop iteration in ns, measured in a process of its own on the servers' core, at
 * the loop's length: the median of many short runs, since a burst of noise lengthens some.
 */
export function iterationNs(cpus: readonly number[] | null): number {
  const script = `${plainLoop}
const samples = []
for (let round = 0; round < 400; round++) {
  const start = process.cpuUsage()
  for (let call = 0; call < 40; call++) burn(5_000)
  const { user, system } = process.cpuUsage(start)
  if (round >= 100) samples.push(((user + system) * 1e3) / (40 * 5_000))
}
samples.sort((a, b) => a - b)
console.log(samples[samples.length >> 1])`
  const node = [process.execPath, '-e', script]
  const [command = '', ...args] = cpus === null ? node : ['taskset', '-c', cpus.join(','), ...node]
  const done = spawnSync(command, args, { encoding: 'utf8' })
  const ns = Number(done.stdout)
  if (done.status === 0 && ns > 0) return ns
  throw new BenchError(
    'unfit',
    `selftest: the busy loop could not be calibrated: ${done.stderr.trim() || String(done.error)}`,
  )
}

// A chain of dependent multiplications: no compiler shortens it, no memory is touched.
const plainLoop = `let burnt = 1
function burn(iterations) {
  let value = burnt
  for (let index = 0; index < iterations; index++) value = Math.imul(value ^ index, 0x9e3779b1)
  burnt = value | 1
}`
const loopSource = plainLoop.replace('burn(iterations)', 'burn(iterations: number): void')
// Every guarded request passes here once, whatever its guards.
const entry = '  return (request, reply, done) => {'
