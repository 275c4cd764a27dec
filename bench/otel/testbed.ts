import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { TestContext } from 'node:test'

// What tests of exported metrics look at them with: a receiver of OTLP, and a reader of Prometheus' text.

/** One sample of a series. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Of a histogram of OTLP: samples by bucket. */
  readonly buckets?: readonly number[]
}

/** An export as it came. */
export interface Received {
  readonly samples: readonly Sample[]
  readonly resource: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly path: string
}

/** Starts a server that ends with the test; returns its URL. */
export async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return `http://127.0.0.1:${address.port}`
}

/** A receiver of OTLP/HTTP in JSON that takes everything. */
export async function startReceiver(
  t: TestContext,
): Promise<{ readonly url: string; readonly received: readonly Received[] }> {
  const received: Received[] = []
  const url = await serve(t, (request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (more: string) => (text += more))
    request.once('end', () => {
      const { headers, url: path = '' } = request
      received.push({ ...readOtlp(text), headers, path })
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  return { url, received }
}

/** Sum of all samples of one name whose labels have these values. */
export function total(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, { value }) => sum + value, 0)
}

/** Samples of Prometheus' text format 0.0.4; throws on a line that is none. */
export function parseExposition(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, inner = '', value] =
        /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$/.exec(line) ??
        []
      if (name === undefined || value === undefined) throw new Error(`no sample: ${line}`)
      const labels = Object.fromEntries(
        [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', text = '']) => [
          key,
          text,
        ]),
      )
      return { name, labels, value: Number(value) }
    })
}

interface OtlpAttribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface OtlpPoint {
  readonly attributes: readonly OtlpAttribute[]
  readonly asDouble?: number
  readonly count?: number
  readonly bucketCounts?: readonly number[]
}

interface OtlpMetric {
  readonly name: string
  readonly unit: string
  readonly sum?: {
    readonly dataPoints: readonly OtlpPoint[]
    readonly aggregationTemporality: number
  }
  readonly gauge?: { readonly dataPoints: readonly OtlpPoint[] }
  readonly histogram?: { readonly dataPoints: readonly OtlpPoint[] }
}

interface OtlpRequest {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] }
    readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[]
  }[]
}

function readOtlp(text: string): Pick<Received, 'samples' | 'resource'> {
  const { resourceMetrics } = JSON.parse(text) as OtlpRequest
  return {
    resource: labelsOf(resourceMetrics.flatMap(({ resource }) => resource.attributes)),
    samples: resourceMetrics
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))
      .flatMap(
        ({ name, sum, gauge, histogram }) =>
          (sum ?? gauge ?? histogram)?.dataPoints.map((point) => sampleOf(name, point)) ?? [],
      ),
  }
}

function sampleOf(name: string, { attributes, asDouble, count, bucketCounts }: OtlpPoint): Sample {
  return {
    name,
    labels: labelsOf(attributes),
    value: Number(asDouble ?? count),
    ...(bucketCounts === undefined ? {} : { buckets: bucketCounts.map(Number) }),
  }
}

function labelsOf(attributes: readonly OtlpAttribute[]): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]),
  )
}
