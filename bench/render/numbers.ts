import { margin, type Estimate } from '../analysis/stats.ts'

/** Numbers as people read them; only here are units scaled. Thousands are separated by commas. */

/** An estimate with ±, to the digits that its interval supports: 197.2 ± 2.1, 9,760 ± 260. Without interval to three digits. */
export function withMargin(estimate: Estimate, scale = 1): string {
  const half = margin(estimate)
  if (half === null) return alone(estimate.estimate * scale)
  const decimals = decimalsFor(half * scale)
  const step = stepFor(half * scale)
  const shown = roundUp((half * scale) / step, decimals) * step
  const value = step === 1 ? estimate.estimate * scale : toStep(estimate.estimate * scale, step)
  return `${fixed(value, decimals)} ± ${fixed(shown, decimals)}`
}

/** The same with its sign, for differences: +162 ± 9. */
export function signedWithMargin(estimate: Estimate, scale = 1): string {
  const told = withMargin(estimate, scale)
  return told.startsWith('-') ? told : `+${told}`
}

/** A figure to as many digits as its interval supports, without showing it. */
export function bare(estimate: Estimate, scale = 1): string {
  const half = margin(estimate)
  if (half === null) return alone(estimate.estimate * scale)
  return fixed(toStep(estimate.estimate * scale, stepFor(half * scale)), 0)
}

/** A share as a signed percentage: +3.5 %. */
export function signedPercent(share: number, decimals = 1): string {
  const told = fixed(share * 100, decimals)
  return `${told.startsWith('-') ? '' : '+'}${told} %`
}

/** A share that is an upper bound, so never rounded down: 3.4 %. */
export function atMostPercent(share: number): string {
  return `${fixed(roundUp(share * 100, 1), 1)} %`
}

/** An amount that is an upper bound, so rounded up, to two digits: 1.4. */
export function atMost(amount: number): string {
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(Math.max(amount, 0.01))))
  return fixed(roundUp(amount, decimals), decimals)
}

/** A level, never rounded up: 98.96 % is not 99 %. */
export function levelPercent(level: number): string {
  // The nudge keeps 0.992, which is stored as a little less, from becoming 99.1 %.
  return `${Math.floor(level * 1000 + 1e-9) / 10} %`
}

/** A factor to two digits after it matters: ×5.6, ×1.04. */
export function factor(ratio: number): string {
  return `×${ratio >= 10 ? fixed(ratio, 0) : fixed(ratio, ratio >= 2 ? 1 : 2)}`
}

function alone(value: number): string {
  const size = Math.abs(value)
  const decimals = size === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size)))
  return fixed(value, Math.min(decimals, MOST_DECIMALS))
}

/** One digit of the margin is shown, two where the first is a 1: 0.1 and 0.19 are far apart. */
function decimalsFor(half: number): number {
  if (half <= 0) return 1
  const magnitude = Math.floor(Math.log10(half))
  const digits = half / 10 ** magnitude < 2 ? 1 : 0
  return Math.min(MOST_DECIMALS, Math.max(0, digits - magnitude))
}

/** Two digits of a margin are enough: tens from 100, hundreds from 1,000. */
function stepFor(half: number): number {
  return half < 100 ? 1 : 10 ** (Math.floor(Math.log10(half)) - 1)
}

function toStep(value: number, step: number): number {
  return Math.round(value / step) * step
}

function roundUp(value: number, decimals: number): number {
  // The nudge keeps 0.3, computed as a little more, from becoming 0.4.
  return Math.ceil(value * 10 ** decimals - 1e-6) / 10 ** decimals
}

function fixed(value: number, decimals: number): string {
  const [whole = '', fraction] = Math.abs(value).toFixed(decimals).split('.')
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  const told = fraction === undefined ? digits : `${digits}.${fraction}`
  // −0.0 is 0.0.
  return value < 0 && /[1-9]/.test(told) ? `-${told}` : told
}

const MOST_DECIMALS = 3
