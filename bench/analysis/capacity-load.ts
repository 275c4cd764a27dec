/** What the mean request of a mix asks of one process, in µs of CPU. */
export interface ProcessLoad {
  /** Where the process has other work at hand. */
  readonly awakeUs: number
  /** More, where it has to be woken up. */
  readonly wakingUs: number
  /** More still, where it has been idle for long. */
  readonly coldUs: number
}

/** Of the warmth of a process, what is lost after an idle time in µs: 0 at once, 1 in the end. */
export function warmthLost(idleUs: number): number {
  return 1 - Math.exp(-idleUs / coolingUs)
}

/** The same on average over idle times of a mean in µs that end by chance: exponential, as before Poisson arrivals. */
export function meanWarmthLost(meanIdleUs: number): number {
  return meanIdleUs / (meanIdleUs + coolingUs)
}

/**
 * Utilisation of one process at a rate, 0 to 1 and beyond. By the utilisation law it is rate × demand (Denning
 * and Buzen 1978); the demand of a request is `awakeUs`, and w more for those that find the process idle.
 * Poisson arrivals do so in a share of 1 − ρ (Wolff 1982), so that ρ = λ(a + w(1 − ρ)). Idle times end by chance
 * after 1/λ on average, and w is `wakingUs` and what of `coldUs` is lost by then.
 */
export function utilisation(load: ProcessLoad, ratePerSecond: number): number {
  const perUs = ratePerSecond / usPerSecond
  const wakingUs = wakingAt(load, perUs)
  return (perUs * (load.awakeUs + wakingUs)) / (1 + perUs * wakingUs)
}

/**
 * The rate in requests per second at which one process is used so much: the inverse of `utilisation`. With what
 * is cold it is the root of τ(a + w(1 − ρ))λ² + (a + (w + c)(1 − ρ) − τρ)λ − ρ = 0.
 */
export function rateAt({ awakeUs, wakingUs, coldUs }: ProcessLoad, used: number): number {
  const warmUs = awakeUs + wakingUs * (1 - used)
  if (coldUs === 0) return (usPerSecond * used) / warmUs
  const square = coolingUs * warmUs
  const linear = warmUs + coldUs * (1 - used) - coolingUs * used
  const root = (Math.sqrt(linear * linear + 4 * square * used) - linear) / (2 * square)
  return usPerSecond * root
}

/** CPU in µs of a request with this load, of a process that gets so many of any kind and is used so much. */
export function demandUs(
  load: ProcessLoad,
  { ratePerSecond, used }: { readonly ratePerSecond: number; readonly used: number },
): number {
  return load.awakeUs + wakingAt(load, ratePerSecond / usPerSecond) * (1 - used)
}

/** CPU in µs of a request at a rate. */
export function cpuUsPerRequestAt(load: ProcessLoad, ratePerSecond: number): number {
  return (utilisation(load, ratePerSecond) * usPerSecond) / ratePerSecond
}

/**
 * Utilisations of processes that share one core, each with a rate of its own. Each is woken up when it has no
 * work itself, whatever the others do: in a share of 1 − ρᵢ ÷ (1 − Σ of the others), as the classes of a
 * processor that is shared evenly (Baskett, Chandy, Muntz, Palacios 1975). Solved by iteration.
 */
export function utilisationsOnOneCore(
  shared: readonly { readonly load: ProcessLoad; readonly ratePerSecond: number }[],
): number[] {
  let used = shared.map(({ load, ratePerSecond }) => utilisation(load, ratePerSecond))
  for (let round = 0; round < rounds; round++) {
    const whole = used.reduce((sum, one) => sum + one, 0)
    used = shared.map(({ load, ratePerSecond }, index) => {
      const own = used[index] ?? 0
      const left = Math.max(least, 1 - (whole - own))
      const asleep = Math.max(0, 1 - own / left)
      const demand = demandUs(load, { ratePerSecond, used: 1 - asleep })
      return (own + (ratePerSecond / usPerSecond) * demand) / 2
    })
  }
  return used
}

/** What a request costs more that finds its process idle, at a rate per µs. */
function wakingAt({ wakingUs, coldUs }: ProcessLoad, perUs: number): number {
  return wakingUs + (perUs === 0 ? coldUs : coldUs * meanWarmthLost(1 / perUs))
}

const usPerSecond = 1e6
/**
 * In curves of tls and combined, CPU of a request rose from half of capacity down to a tenth as idle times of
 * 0.3 to 3 ms would have it with this constant, within their noise: caches are lost to others, and a core sleeps
 * more deeply.
 */
const coolingUs = 1_000
/** Each halves the distance at least: what is left is below 10⁻⁹. */
const rounds = 60
const least = 0.01
