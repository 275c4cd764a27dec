import { quietSettings } from '../scenario.ts'
import { withMargin } from './numbers.ts'

/** A case id made short: the scenario, empty where all rows share it, and the parameters that tell it from the others. */
export interface ShortId {
  readonly name: string
  readonly detail: string
}

/**
 * Splits case ids into what differs and what is common. A parameter is common when every row that
 * has it has the same value and no other row of the same scenario lacks it, so leaving it out never
 * makes two rows look alike. Common settings that add nothing are left out.
 */
export function shortenCaseIds(ids: readonly string[]): { rows: ShortId[]; common: string[] } {
  const parsed = ids.map(parseCaseId)
  const settings = [...new Set(parsed.flatMap(({ parts }) => parts))].sort()
  const common = settings.filter((setting) => isCommon(setting, parsed))
  const rows = parsed.map(({ name, parts }) => ({
    name,
    detail: parts.filter((part) => !common.includes(part)).join(' '),
  }))
  const told = common.filter((setting) => !quietSettings.has(setting))
  const [first] = rows
  const oneName =
    rows.length > 1 && rows.every(({ name, detail }) => name === first?.name && detail !== '')
  if (first === undefined || !oneName) return { rows, common: told }
  return { rows: rows.map(({ detail }) => ({ name: '', detail })), common: [first.name, ...told] }
}

/**
 * Text that Inter's Latin file draws alike on every machine. Control and format characters, which move,
 * hide or reverse what stands beside them, become a space; what the file lacks, a question mark.
 */
export function plainText(text: string): string {
  return text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .replaceAll(undrawable, '?')
    .trim()
}

/** Lines no wider than given, broken at spaces, inside a word only where the word alone is too wide. */
export function wrapText(text: string, widthPx: number, sizePx: number, weight = 400): string[] {
  const fits = (line: string): boolean => textWidthPx(line, sizePx, weight) <= widthPx
  const lines: string[] = []
  let line = ''
  for (const word of plainText(text)
    .split(/\s+/)
    .flatMap((long) => breakWord(long, fits))) {
    const longer = line === '' ? word : `${line} ${word}`
    if (fits(longer)) {
      line = longer
      continue
    }
    lines.push(line)
    line = word
  }
  return line === '' ? lines : [...lines, line]
}

/** The text, or as much of it as fits before an ellipsis. */
export function clipText(text: string, widthPx: number, sizePx: number, weight = 400): string {
  const [first = '', ...rest] = breakWord(plainText(text), (piece) => {
    return textWidthPx(`${piece}…`, sizePx, weight) <= widthPx
  })
  return rest.length === 0 ? first : `${first.trimEnd()}…`
}

/** Width of a text in Inter, from above: charts are laid out before there is a canvas to ask. */
export function textWidthPx(text: string, sizePx: number, weight = 400): number {
  let em = 0
  for (const character of text) {
    em += advances.find(([pattern]) => pattern.test(character))?.[1] ?? WIDEST_EM
  }
  return em * sizePx * (weight > 400 ? BOLD_FACTOR : 1)
}

/** An amount as tick: 40,000 or 0.25. */
export function formatAmount(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : trim(value)
}

/** A number to the next integer, thousands separated by commas: 40,000. */
export function formatCount(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

/** A value and its ± as the tables print them: a chart and a table of one run must not differ. */
export function formatInterval(
  estimate: number,
  low: number | null,
  high: number | null,
): { value: string; half: string | null } {
  const told = withMargin({ estimate, low, high, level: null, blocks: 0 })
  const [value = told, half = null] = told.split(' ± ')
  return { value, half }
}

/** A latency as tick: 500 µs, 2 ms, 1 s. */
export function formatLatency(us: number): string {
  if (us >= 1_000_000) return `${trim(us / 1_000_000)} s`
  return us >= 1000 ? `${trim(us / 1000)} ms` : `${trim(us)} µs`
}

function parseCaseId(id: string): { name: string; parts: string[] } {
  const [name = '', ...parts] = plainText(id).split('/')
  // In an id a slash separates; in a value, as a URL has, it is written otherwise.
  return { name, parts: parts.map((part) => part.replaceAll('%2F', '/')) }
}

function isCommon(
  setting: string,
  cases: readonly { readonly name: string; readonly parts: readonly string[] }[],
): boolean {
  const equals = setting.indexOf('=')
  if (equals < 1) return false
  const prefix = setting.slice(0, equals + 1)
  const holders = cases.filter(({ parts }) => parts.some((part) => part.startsWith(prefix)))
  const names = new Set(holders.map(({ name }) => name))
  return (
    holders.every(({ parts }) => parts.includes(setting)) &&
    cases.every((one) => !names.has(one.name) || holders.includes(one))
  )
}

function breakWord(word: string, fits: (line: string) => boolean): string[] {
  const pieces: string[] = []
  let piece = ''
  for (const character of word) {
    if (piece !== '' && !fits(piece + character)) {
      pieces.push(piece)
      piece = ''
    }
    piece += character
  }
  return piece === '' ? pieces : [...pieces, piece]
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)))
}

// All but the characters that the Latin file has a glyph for, found by drawing them (a test draws again).
const undrawable =
  /[^ -~\u00a0-\u00ff\u2013\u2014\u2018-\u201a\u201c-\u201e\u2022\u2026\u2032\u2033\u2039\u203a\u2044\u20ac\u2122\u2212]/gu
// Upper bounds of the advance widths of Inter 400, in em, read off measureText (a test measures again).
const advances: readonly (readonly [RegExp, number])[] = [
  [/[ ijlI.,:;'!\u00b7\u2018\u2019]/, 0.31],
  [/[frt/\\()[\]`|]/, 0.38],
  [/[1*"{}^_\u2013-]/, 0.51],
  [/[ckszvxy?]/, 0.59],
  [/[mwMW@%\u00a9\u00bc-\u00be\u00c6\u00e6]/, 1],
  [/[A-Z\u00a4\u00c0-\u00dd]/, 0.78],
  [/[!-~\u00a0-\u00ff]/, 0.67],
]
const WIDEST_EM = 1
/** Inter 600 against 400: at most 1.09 for the characters above. */
const BOLD_FACTOR = 1.09
