/* Numbers as bench/render/numbers.ts writes them: a test holds the two together. */

/**
 * An estimate with ±, to the digits that its interval supports: 197.2 ± 2.1.
 * @param {[number, number | null, number | null, number | null, number]} figure
 */
function withMargin([estimate, low, high], scale = 1) {
  if (low === null || high === null) return alone(estimate * scale)
  const half = Math.max(high - estimate, estimate - low) * scale
  const decimals = decimalsFor(half)
  const step = half < 100 ? 1 : 10 ** (Math.floor(Math.log10(half)) - 1)
  const shown = (Math.ceil((half / step) * 10 ** decimals - 1e-6) / 10 ** decimals) * step
  const value = step === 1 ? estimate * scale : Math.round((estimate * scale) / step) * step
  return `${fixed(value, decimals)} ± ${fixed(shown, decimals)}`
}

function alone(value) {
  const size = Math.abs(value)
  const decimals = size === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(size)))
  return fixed(value, Math.min(decimals, 3))
}

function decimalsFor(half) {
  if (half <= 0) return 1
  const magnitude = Math.floor(Math.log10(half))
  const digits = half / 10 ** magnitude < 2 ? 1 : 0
  return Math.min(3, Math.max(0, digits - magnitude))
}

function fixed(value, decimals) {
  const [whole, fraction] = Math.abs(value).toFixed(decimals).split('.')
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  const told = fraction === undefined ? digits : `${digits}.${fraction}`
  return value < 0 && /[1-9]/.test(told) ? `-${told}` : told
}

/** A tick of an axis: three digits, thousands by commas. */
function tick(value) {
  const short = Number(value.toPrecision(3))
  return Math.abs(short) >= 1000 ? fixed(short, 0) : String(short)
}

/** A latency as tick: 500 µs, 2 ms, 1 s. */
function latencyTick(us) {
  if (us >= 1e6) return `${tick(us / 1e6)} s`
  return us >= 1000 ? `${tick(us / 1000)} ms` : `${tick(us)} µs`
}

/** Units that a metric can be shown in, its own first: label and factor. */
function unitsOf(unit) {
  if (unit === 'µs') {
    return [
      ['µs', 1],
      ['ms', 1e-3],
      ['s', 1e-6],
    ]
  }
  if (unit === '1/s') {
    return [
      ['1/s', 1],
      ['1,000/s', 1e-3],
    ]
  }
  if (unit === 'B') {
    return [
      ['B', 1],
      ['kB', 1e-3],
      ['MB', 1e-6],
    ]
  }
  return [[unit, 1]]
}
