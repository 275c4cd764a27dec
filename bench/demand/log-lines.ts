import { BenchError } from '../errors.ts'

/** What a line of an access log tells of one request; null where its format does not tell. */
export interface LogLine {
  readonly timeMs: number
  readonly status: number | null
  /** How many requests its connection has had with this one. */
  readonly connectionRequests: number | null
  /** Address and port of the client, where they stand for a connection. */
  readonly client: string | null
  /** Whether the TLS session of its connection was resumed. */
  readonly resumed: boolean | null
}

/** Reads a line; null for what is no line of this format. */
export type LineParser = (line: string) => LogLine | null

/** A format by name, or an nginx `log_format` by its text; throws usage errors. */
export function lineParser(format: string): LineParser {
  if (format.includes('$')) return nginxParser(format)
  const parser = parsers[format]
  if (parser !== undefined) return parser
  throw new BenchError(
    'usage',
    `--log-format ${format}: expected auto, ${Object.keys(parsers).join(', ')}, or the text of an nginx log_format with $time_local`,
  )
}

/** Whichever of the named formats a line has; the one that fitted last is tried first. */
export function anyParser(): LineParser {
  const order = Object.values(parsers)
  return (line) => {
    for (const [index, parse] of order.entries()) {
      const read = parse(line)
      if (read === null) continue
      if (index > 0) {
        order.splice(index, 1)
        order.unshift(parse)
      }
      return read
    }
    return null
  }
}

/**
 * A parser out of an nginx `log_format` (ngx_http_log_module). Each variable runs up to the character that
 * follows it in the format, so that a line that does not fit is found out in one pass.
 */
export function nginxParser(format: string): LineParser {
  const names: string[] = []
  const pattern = format.replace(/\$(\w+)|[^$]/g, (piece, name: string | undefined, at: number) => {
    if (name === undefined) return piece.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
    names.push(name)
    const next = format[at + piece.length]
    return next === undefined ? '(.*)' : `([^${next.replace(/[\\\]^-]/, '\\$&')}]*)`
  })
  const time = timeVariables.find(({ name }) => names.includes(name))
  if (time === undefined) {
    throw new BenchError(
      'usage',
      `--log-format ${format}: it has no time, expected one of ${timeVariables.map(({ name }) => `$${name}`).join(', ')}`,
    )
  }
  const whole = new RegExp(`^${pattern}$`)
  return (line) => {
    const found = whole.exec(line)
    if (found === null) return null
    const valueOf = (name: string) => found[names.indexOf(name) + 1]
    const timeMs = time.read(valueOf(time.name) ?? '')
    return timeMs === null ? null : { timeMs, client: null, ...nginxFields(names, valueOf) }
  }
}

function nginxFields(
  names: readonly string[],
  valueOf: (name: string) => string | undefined,
): Omit<LogLine, 'timeMs' | 'client'> {
  const whole = (name: string) => (names.includes(name) ? wholeOrNull(valueOf(name) ?? '') : null)
  const reused = names.includes('ssl_session_reused') ? valueOf('ssl_session_reused') : undefined
  return {
    status: whole('status'),
    connectionRequests: whole('connection_requests'),
    // nginx writes r for a resumed session, a dot for a new one, nothing without TLS.
    resumed: reused === 'r' ? true : reused === '.' ? false : null,
  }
}

/** `combined`, also with ` $connection $connection_requests` behind it, and with anything else. */
function parseCombined(line: string): LogLine | null {
  const found = combined.exec(line)
  if (found === null) return null
  const [, time = '', status = '', , connectionRequests] = found
  const timeMs = localTimeMs(time)
  if (timeMs === null) return null
  return {
    timeMs,
    status: Number(status),
    connectionRequests: connectionRequests === undefined ? null : Number(connectionRequests),
    client: null,
    resumed: null,
  }
}

/** HAProxy's HTTP log format (configuration manual, section 8.2.3), with or without the head of syslog. */
function parseHaproxy(line: string): LogLine | null {
  const found = haproxyTail.exec(line)
  if (found === null) return null
  const [, date = '', clock = '', ms = '', status = ''] = found
  const timeMs = localTimeMs(`${date}:${clock} +0000`)
  const client = line.slice(line.lastIndexOf(' ', found.index - 2) + 1, found.index - 1)
  if (timeMs === null || !/:\d{1,5}$/.test(client)) return null
  return {
    timeMs: timeMs + Number(ms),
    status: status === '-1' ? null : Number(status),
    connectionRequests: null,
    client,
    resumed: null,
  }
}

/** `27/Nov/2026:13:20:01 +0000`; null where it is no time. */
function localTimeMs(text: string): number | null {
  if (text === lastTime.text) return lastTime.timeMs
  const [, day = '', name = '', year = '', hour = '', minute = '', second = '', zone = ''] =
    localTime.exec(text) ?? []
  const month = months.indexOf(name)
  const isTime =
    month >= 0 && Number(day) >= 1 && Number(day) <= 31 && Number(hour) < 24 && Number(minute) < 60
  if (!isTime || Number(second) > 60) return null
  const offsetMinutes =
    (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5))) * (zone.startsWith('-') ? -1 : 1)
  const timeMs =
    Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second)) -
    offsetMinutes * msPerMinute
  // Thousands of lines have the same second.
  lastTime = { text, timeMs }
  return timeMs
}

function isoTimeMs(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text)) return null
  const timeMs = Date.parse(text)
  return Number.isNaN(timeMs) ? null : timeMs
}

function epochMs(text: string): number | null {
  return /^\d{9,11}(\.\d{1,3})?$/.test(text) ? Number(text) * msPerSecond : null
}

function wholeOrNull(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null
}

let lastTime: { readonly text: string; readonly timeMs: number } = { text: '', timeMs: 0 }
const combined =
  /^\S+ \S+ [^[]{0,256}\[([^\]]{20,32})\] "(?:[^"\\]|\\.)*" (\d{3}) (?:\d+|-)(?: "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*")?(?: (\d+) (\d+))?(?: |$)/
const haproxyTail =
  /\[(\d\d\/[A-Z][a-z]{2}\/\d{4}):(\d\d:\d\d:\d\d)\.(\d{3})\] \S+ \S+ -?\d+(?:\/\+?-?\d+){4} (-1|\d{3}) /
const localTime = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})$/
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
const timeVariables = [
  { name: 'msec', read: epochMs },
  { name: 'time_iso8601', read: isoTimeMs },
  { name: 'time_local', read: localTimeMs },
] as const
const parsers: Readonly<Record<string, LineParser>> = {
  combined: parseCombined,
  haproxy: parseHaproxy,
}
const msPerMinute = 60_000
const msPerSecond = 1_000
