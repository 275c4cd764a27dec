import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { Readable } from 'node:stream'
import type { DemandInput } from '../demand.ts'
import { BenchError } from '../errors.ts'
import { anyParser, lineParser, type LogLine } from './log-lines.ts'
import { createRateMeter, type Rates } from './log-rates.ts'

/** What an access log tells of a demand. */
export interface LogFigures extends Rates {
  readonly lines: number
  readonly requests: number
  /** Lines that no request could be read out of, and the numbers of the first of them. */
  readonly garbage: number
  readonly firstGarbage: readonly number[]
  /** Null where the log does not tell of connections. */
  readonly requestsPerConnection: number | null
  /** Connections are told by address and port of clients, which another may use again. */
  readonly isApproximate: boolean
  readonly resumedShare: number | null
  /** Share of answers with 5xx; null without statuses. */
  readonly serverErrorShare: number | null
}

/**
 * Reads access logs in a stream, compressed ones too, in memory that does not grow with them. Lines that are
 * none are counted and named. Throws usage errors: no file, not whole, or nothing but garbage.
 */
export async function readAccessLogs(
  files: readonly string[],
  { format = 'auto', signal }: { readonly format?: string; readonly signal: AbortSignal },
): Promise<LogFigures> {
  const parse = format === 'auto' ? anyParser() : lineParser(format)
  const tally = createTally()
  for (const file of files) {
    try {
      for await (const line of linesOf(file)) {
        signal.throwIfAborted()
        tally.add(line === null ? null : parse(line))
      }
    } catch (error) {
      signal.throwIfAborted()
      const why = error instanceof Error ? error.message : String(error)
      throw new BenchError('usage', `--log ${file}: cannot be read: ${why}`, { cause: error })
    }
  }
  const figures = tally.finish()
  if (figures.requests > 0) return figures
  throw new BenchError(
    'usage',
    `--log ${files.join(' ')}: none of ${figures.lines} lines is of the format ${format}; give --log-format combined, haproxy, or the text of your log_format`,
  )
}

/** The part of a demand that a log tells: its highest ten seconds last, its highest second is a burst. */
export function demandOfLog(figures: LogFigures): DemandInput {
  const { peak1PerSecond, peak10PerSecond, meanPerSecond, requestsPerConnection } = figures
  const { resumedShare } = figures
  return {
    rate: peak10PerSecond,
    // The ends of a short log are in fewer windows of ten seconds than its middle.
    meanRate: Math.min(meanPerSecond, peak10PerSecond),
    burst: Math.max(1, peak1PerSecond / peak10PerSecond),
    ...(requestsPerConnection === null ? {} : { requestsPerConnection }),
    ...(resumedShare === null || requestsPerConnection === null ? {} : { resumed: resumedShare }),
  }
}

/** Lines of a file without their ends; null for one that is too long to be a line. */
async function* linesOf(file: string): AsyncGenerator<string | null> {
  let rest = ''
  let isTooLong = false
  for await (const chunk of decompressed(file)) {
    const pieces = (rest + chunk).split('\n')
    rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      yield isTooLong || piece.length > longestLine ? null : piece.replace(/\r$/, '')
      isTooLong = false
    }
    // What is left of it is read past, or a file without an end of line would fill the memory.
    if (rest.length > longestLine) {
      isTooLong = true
      rest = ''
    }
  }
  if (isTooLong) yield null
  else if (rest !== '') yield rest
}

/** Text of a file, bytes as they are; what begins as gzip is decompressed. */
async function* decompressed(file: string): AsyncGenerator<string> {
  const isGzip = await beginsAsGzip(file)
  const source: Readable = createReadStream(file, { highWaterMark: chunkBytes })
  if (!isGzip) {
    yield* source.setEncoding('latin1')
    return
  }
  const unzip = createGunzip()
  source.on('error', (error) => unzip.destroy(error))
  yield* source.pipe(unzip).setEncoding('latin1')
}

async function beginsAsGzip(file: string): Promise<boolean> {
  for await (const chunk of createReadStream(file, { end: 1 })) {
    return Buffer.isBuffer(chunk) && chunk[0] === 0x1f && chunk[1] === 0x8b
  }
  return false
}

function createTally() {
  const meter = createRateMeter()
  const connections = createConnectionTally()
  const seen = { lines: 0, requests: 0, garbage: 0, statuses: 0, serverErrors: 0 }
  const firstGarbage: number[] = []
  return {
    add(line: LogLine | null) {
      seen.lines += 1
      if (line === null) {
        seen.garbage += 1
        if (firstGarbage.length < garbageShown) firstGarbage.push(seen.lines)
        return
      }
      seen.requests += 1
      meter.add(Math.floor(line.timeMs / msPerSecond))
      connections.add(line)
      if (line.status === null) return
      seen.statuses += 1
      if (line.status >= 500) seen.serverErrors += 1
    },
    finish: (): LogFigures => ({
      ...meter.finish(),
      lines: seen.lines,
      requests: seen.requests,
      garbage: seen.garbage,
      firstGarbage,
      serverErrorShare: seen.statuses === 0 ? null : seen.serverErrors / seen.statuses,
      ...connections.read(),
    }),
  }
}

/** New connections: the first request of each by its number, or an address and port that was not there lately. */
function createConnectionTally() {
  const recent = new Set<string>()
  const seen = { numbered: 0, first: 0, resumed: 0, fresh: 0, addressed: 0, newcomers: 0 }
  const meet = (client: string) => {
    seen.addressed += 1
    // A Set keeps the order in which they came: whoever is met again goes to its end.
    if (!recent.delete(client)) seen.newcomers += 1
    recent.add(client)
    const [oldest] = recent
    if (recent.size > clientsKept && oldest !== undefined) recent.delete(oldest)
  }
  return {
    add({ connectionRequests, client, resumed }: LogLine) {
      if (client !== null) meet(client)
      if (connectionRequests === null) return
      seen.numbered += 1
      if (connectionRequests !== 1) return
      seen.first += 1
      if (resumed === true) seen.resumed += 1
      if (resumed === false) seen.fresh += 1
    },
    read() {
      const { numbered, first, resumed, fresh, addressed, newcomers } = seen
      const isApproximate = first === 0 && newcomers > 0
      return {
        requestsPerConnection:
          first > 0 ? numbered / first : isApproximate ? addressed / newcomers : null,
        isApproximate,
        resumedShare: resumed + fresh === 0 ? null : resumed / (resumed + fresh),
      }
    },
  }
}

const msPerSecond = 1_000
const chunkBytes = 1 << 18
/** nginx takes 8 kB of request line by default; with a referrer and a user agent it is far below this. */
const longestLine = 65_536
const garbageShown = 3
const clientsKept = 100_000
