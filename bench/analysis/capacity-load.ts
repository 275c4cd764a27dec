/** What the mean request of a mix asks of one process, in µs of CPU. */
export interface ProcessLoad {
  /** Where the process has other work at hand. */
  readonly awakeUs: number
  /** More, where it has to be woken up. */
  readonly wakingUs: number
}

/**
 * Utilisation of one process at a rate, 0 to 1 and beyond. By the utilisation law it is rate × demand (Denning
 * and Buzen 1978); the demand of a request is `awakeUs`, and `wakingUs` more for those that find the process
 * idle. Poisson arrivals do so in a share of 1 − ρ (Wolff 1982), so that ρ = λ(a + w(1 − ρ)).
 */
export function utilisation({ awakeUs, wakingUs }: ProcessLoad, ratePerSecond: number): number {
  const perUs = ratePerSecond / usPerSecond
  return (perUs * (awakeUs + wakingUs)) / (1 + perUs * wakingUs)
}

/** The rate in requests per second at which one process is used so much: the inverse of `utilisation`. */
export function rateAt({ awakeUs, wakingUs }: ProcessLoad, used: number): number {
  return (usPerSecond * used) / (awakeUs + wakingUs * (1 - used))
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
    used = shared.map(({ load: { awakeUs, wakingUs }, ratePerSecond }, index) => {
      const own = used[index] ?? 0
      const left = Math.max(least, 1 - (whole - own))
      const asleep = Math.max(0, 1 - own / left)
      return (own + (ratePerSecond / usPerSecond) * (awakeUs + wakingUs * asleep)) / 2
    })
  }
  return used
}

const usPerSecond = 1e6
/** Each halves the distance at least: what is left is below 10⁻⁹. */
const rounds = 60
const least = 0.01
