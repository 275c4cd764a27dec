import { BenchError } from '../errors.ts'

// Quantities as people write them, in options and in demand files alike; what is read has one unit.

/** A number that is at least `least`, and at most `most`; throws usage errors. */
export function numberOf(
  name: string,
  value: string | number,
  { least, most = Infinity }: { readonly least: number; readonly most?: number },
): number {
  const number = typeof value === 'number' ? value : plainNumber(value)
  if (number >= least && number <= most) return number
  const upTo = most === Infinity ? '' : ` to ${most}`
  throw refused(name, value, `expected a number from ${least}${upTo}`)
}

/** A whole number within bounds; throws usage errors. */
export function wholeOf(
  name: string,
  value: string | number,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const number = typeof value === 'number' ? value : plainNumber(value)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw refused(name, value, `expected a whole number from ${least} to ${most}`)
}

/** A share between 0 and 1, also told as a percentage: 0.3 or 30%; throws usage errors. */
export function shareOf(name: string, value: string | number): number {
  const percent = typeof value === 'string' && value.endsWith('%')
  const number =
    typeof value === 'number' ? value : plainNumber(value.replace(/%$/, '')) / (percent ? 100 : 1)
  if (number >= 0 && number <= 1) return number
  throw refused(name, value, 'expected a share from 0 to 1, as 0.3 or 30%')
}

/** A time in µs: 250us, 25ms, 1.5s, 5m, 1h, 1d; throws usage errors. */
export function timeUsOf(name: string, value: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(us|ms|s|m|h|d)$/.exec(value) ?? []
  const timeUs = Number(number) * (usPerUnit[unit] ?? Number.NaN)
  if (timeUs >= 0) return timeUs
  throw refused(name, value, 'expected a time as 250us, 25ms, 5s, 5m, 1h')
}

/** Memory in bytes: 512MiB, 16GiB, 8GB; throws usage errors. */
export function bytesOf(name: string, value: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(MB|MiB|GB|GiB)$/.exec(value) ?? []
  const bytes = Number(number) * (bytesPerUnit[unit] ?? Number.NaN)
  if (bytes > 0) return bytes
  throw refused(name, value, 'expected an amount of memory as 512MiB or 16GiB')
}

function plainNumber(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
}

function refused(name: string, value: string | number, expected: string): BenchError {
  return new BenchError('usage', `${name} ${value}: ${expected}`)
}

const usPerUnit: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3_600e6,
  d: 86_400e6,
}
const bytesPerUnit: Readonly<Record<string, number>> = {
  MB: 1e6,
  MiB: 2 ** 20,
  GB: 1e9,
  GiB: 2 ** 30,
}
