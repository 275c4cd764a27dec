import { setTimeout as sleep } from 'node:timers/promises'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { accompany, createCpuBook, leaveWithBench } from '../companion/process.ts'
import { settingsFrom } from './environment.ts'
import type { MetricsOrder, MetricsReady, MetricsState, ScrapeAddress } from './messages.ts'
import { resourceMetrics, withUnitsInNames } from './metric-data.ts'
import { createOtlpSender } from './otlp.ts'
import type { Attributes } from './readings.ts'
import { startScrapeServer, type ScrapeServer } from './scrape-server.ts'
import { createSeriesStore } from './series.ts'

// The process that exports: away from the bench, so that neither the SDK nor whoever reads the endpoint costs
// the client anything, and at the lowest priority. It makes and sends when it is told that nothing is
// measured; in between it hands out bytes that are ready.

leaveWithBench()

const { otlpUrl, prometheus } = settingsFrom(process.env)
const otlp = otlpUrl === null ? null : createOtlpSender(otlpUrl)
const serializer = new PrometheusSerializer('', false, undefined, false, true)
const series = createSeriesStore()
const startMs = Date.now()
let resource: Attributes = {}
let server: ScrapeServer | null = null
const ready = await listen(prometheus)
publish()
const cpu = createCpuBook()
accompany({ ready, obey })

async function obey(order: MetricsOrder): Promise<MetricsState> {
  cpu.blockRuns(order.kind === 'measuring')
  if (order.kind === 'resource') resource = order.attributes
  if (order.kind === 'export') {
    series.add(order.readings)
    const metrics = publish()
    await otlp?.send(metrics, order)
  }
  if (order.kind === 'last-scrape')
    await Promise.race([server?.nextScrape(), sleep(order.timeoutMs)])
  return { ...cpu.read(), otlp: otlp?.state() ?? null, scrapes: server?.scrapes() ?? 0 }
}

/** Makes what is exported, and lays it out for who reads the endpoint. */
function publish() {
  const interval = { startMs, endMs: Date.now() }
  const metrics = resourceMetrics(series.read(), { resource, interval })
  server?.publish(serializer.serialize(withUnitsInNames(metrics)))
  return metrics
}

async function listen(address: ScrapeAddress | null): Promise<MetricsReady> {
  if (address === null) return { port: null, refused: null }
  try {
    server = await startScrapeServer(address)
    return { port: server.port, refused: null }
  } catch (error) {
    return { port: null, refused: error instanceof Error ? error.message : String(error) }
  }
}
