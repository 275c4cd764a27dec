import 'reflect-metadata'
import { Bench } from 'tinybench'
import { certificatePrimitives } from './certificates.ts'
import { exchangePrimitives } from './exchanges.ts'
import type { Primitive, PrimitiveReading, PrimitivesOrder, PrimitivesReport } from './primitive.ts'
import { tokenPrimitives } from './tokens.ts'

// The process of primitives: alone in it, so that its CPU is theirs.

process.once('disconnect', () => process.exit(0))
const exchanges = await exchangePrimitives()
const primitives = new Map(
  [...(await tokenPrimitives()), ...(await certificatePrimitives()), ...exchanges.primitives].map(
    (primitive) => [primitive.id, primitive],
  ),
)
process.on('message', (order: PrimitivesOrder) => {
  void obey(order).catch((error: unknown) => {
    report({ kind: 'failed', why: error instanceof Error ? error.message : String(error) })
  })
})
report({ kind: 'listed', ids: [...primitives.keys()] })

async function obey(order: PrimitivesOrder): Promise<void> {
  if (order.kind === 'list') {
    report({ kind: 'listed', ids: [...primitives.keys()] })
    return
  }
  for (const id of order.ids) {
    const primitive = primitives.get(id)
    if (primitive === undefined) throw new Error(`there is no primitive ${id}`)
    report({ kind: 'measured', reading: await measure(primitive, order.timeMs) })
  }
  report({ kind: 'done' })
}

/** The middle one of three: a collection or the compiler's threads may spoil one. */
async function measure(primitive: Primitive, timeMs: number): Promise<PrimitiveReading> {
  const readings: PrimitiveReading[] = []
  // Until V8 is done with it; what its compilers use meanwhile is nobody's.
  for (const warmupMs of [timeMs, 0, 0])
    readings.push(await measureOnce(primitive, timeMs / thirds, warmupMs))
  const calls = readings.reduce((sum, reading) => sum + reading.calls, 0)
  const [, middle] = readings.toSorted((a, b) => a.cpuUsPerCall - b.cpuUsPerCall)
  if (middle === undefined) throw new Error(`${primitive.id}: nothing was run`)
  return { ...middle, calls }
}

async function measureOnce(
  { id, callsPerRun, run }: Primitive,
  timeMs: number,
  warmupMs: number,
): Promise<PrimitiveReading> {
  const bench = new Bench({
    time: timeMs,
    warmup: warmupMs > 0,
    warmupTime: warmupMs,
    iterations: fewestRuns,
    throws: true,
  })
  let startUs = 0
  let cpuUs = 0
  bench.add(id, run, {
    beforeAll(mode) {
      if (mode === 'run') startUs = cpuNowUs()
    },
    afterAll(mode) {
      if (mode === 'run') cpuUs = cpuNowUs() - startUs
    },
  })
  const [task] = await bench.run()
  if (task === undefined || !('latency' in task.result)) throw new Error(`${id}: nothing was run`)
  const calls = task.runs * callsPerRun
  return {
    id,
    calls,
    cpuUsPerCall: cpuUs / calls,
    wallP50UsPerCall: (task.result.latency.p50 * usPerMs) / callsPerRun,
  }
}

/** All threads: Web Crypto works on those of the pool. */
function cpuNowUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function report(message: PrimitivesReport): void {
  process.send?.(message, undefined, undefined, () => undefined)
}

const usPerMs = 1_000
const thirds = 3
/** Of each third; a long list takes 10 ms to read. */
const fewestRuns = 5
