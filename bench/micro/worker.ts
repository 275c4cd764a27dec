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

async function measure(
  { id, callsPerRun, run }: Primitive,
  timeMs: number,
): Promise<PrimitiveReading> {
  // Until V8 is done with it; what the compiler's threads use meanwhile is nobody's.
  const bench = new Bench({ time: timeMs, warmupTime: timeMs, throws: true })
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
