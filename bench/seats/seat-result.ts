import { Type, type Static } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from '../errors.ts'
import { decodeHistogram, sampleCount } from '../load/histogram.ts'
import { shareOf, type StripeReading } from '../load/stripe.ts'
import { SeenClients } from '../result-seats.ts'
import { countMarks } from '../targets/witness.ts'
import { amount, count, counts, nullable, strict, text } from '../result-values.ts'
import { ClockSchema } from './clock.ts'
import { parseJson, planFormat, type SeatPlan } from './plan.ts'

const Reading = Type.Object(
  {
    requests: count,
    scheduled: count,
    answered: count,
    timeouts: count,
    errors: counts,
    bytesReceived: count,
    connectionsOpened: count,
    maxOutstanding: count,
    wallUs: amount,
    scheduleUs: amount,
    sendingUs: amount,
    spinUs: amount,
    cpuUs: amount,
    runQueueUs: nullable(amount),
    eventLoopUtilization: amount,
    histograms: Type.Object(
      { lateness: text, queueWait: text, service: text, response: text },
      strict,
    ),
  },
  strict,
)

/** JSON Schema of what a seat sends back: its part of the window, its own limits, its clock. */
export const SeatResultSchema = Type.Object(
  {
    format: Type.Literal(planFormat),
    runId: text,
    /** That of the plan. */
    nonce: text,
    index: count,
    version: text,
    node: text,
    /** Of its host; null unless the plan asks for it. */
    name: nullable(text),
    /** Those of its clients that took part; null where the plan has one. */
    clients: nullable(SeenClients),
    /** Marks of what was sent of them, in base64; null where it is the same of all. */
    marks: Type.Object({ certificates: nullable(text), tokens: nullable(text) }, strict),
    clock: ClockSchema,
    driftUs: amount,
    reading: Reading,
  },
  { ...strict, $id: 'seat-result' },
)

export type SeatResult = Static<typeof SeatResultSchema>

/** A result as it is sent: its histograms are compressed already. */
export function encodeResult(result: SeatResult): string {
  return JSON.stringify(result)
}

/** A result out of what is in Redis; throws `measurement-failed` where it is not one of this seat and plan. */
export function parseResult(
  written: string,
  index: number,
  { runId, nonce, seats, schedule }: SeatPlan,
): SeatResult {
  const value = written.length > mostCharacters ? null : parseJson(written)
  if (!validate(value)) {
    const [first] = validate.errors ?? []
    throw garbled(`${first?.instancePath ?? ''} ${first?.message ?? ''}`)
  }
  if (value.runId !== runId || value.nonce !== nonce || value.index !== index)
    throw garbled('of another run or seat')
  assertPlanned(value.reading, schedule)
  assertWhole(value.reading, index, seats)
  assertMarked(value)
  return value
}

/** The schedule that a seat made must be of the planned rate; one of independent users scatters as they do. */
function assertPlanned({ scheduled }: StripeReading, schedule: SeatPlan['schedule']): void {
  const { arrivals, ratePerSecond, durationMs } = schedule
  const mean = (ratePerSecond * durationMs) / msPerSecond
  const most = arrivals === 'constant' ? 1 : 1 + mostDeviations * Math.sqrt(mean)
  if (Math.abs(scheduled - mean) > most)
    throw garbled(
      `a schedule of ${scheduled} requests where about ${Math.round(mean)} were planned`,
    )
}

/** Counts and histograms must be of the same requests: as many as the seat had to send. */
function assertWhole(reading: StripeReading, index: number, of: number): void {
  const { requests, scheduled, answered, histograms } = reading
  const due = shareOf(scheduled, index, of)
  if (requests !== due) throw garbled(`${requests} requests where ${due} were its share`)
  const samples = { lateness: requests, response: requests, service: answered }
  for (const [kind, wanted] of Object.entries(samples)) {
    const found = samplesIn(histograms, kind)
    if (found !== wanted) throw garbled(`${kind} holds ${found} of ${wanted} samples`)
  }
  samplesIn(histograms, 'queueWait')
}

/** Each client that is counted must be told from those of other seats. */
function assertMarked({ clients, marks }: SeatResult): void {
  for (const kind of ['certificates', 'tokens'] as const) {
    const wanted = clients?.[kind] ?? null
    const written = marks[kind]
    const found = written === null ? null : countMarks([Buffer.from(written, 'base64')])
    if (found !== wanted) throw garbled(`${found ?? 'no'} marks of ${wanted ?? 'no'} ${kind}`)
  }
}

function samplesIn(histograms: Readonly<Record<string, string>>, kind: string): number {
  try {
    return sampleCount(decodeHistogram(histograms[kind] ?? ''))
  } catch {
    throw garbled(`${kind} is no histogram`)
  }
}

function garbled(why: string): BenchError {
  return new BenchError('measurement-failed', `its result is not one (${why.trim()})`)
}

const validate = new Ajv().compile<SeatResult>(SeatResultSchema)
/** Four histograms of all values that there are come to less. */
const msPerSecond = 1_000
/** Of a Poisson count. */
const mostDeviations = 8
const mostCharacters = 4 * 1_024 * 1_024
