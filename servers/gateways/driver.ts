import type { ProductCounts } from './counts.ts'

/** A product at work, as its supervisor sees it. */
export interface RunningProduct {
  /** The process that was started; others are its children. */
  readonly pid: number
  readonly folder: string
  /** Told of each refusal, once. */
  readonly refused: (reason: string, status: number | null) => void
}

/** How one product is asked, and told that its configuration changed. */
export interface Driver extends AsyncDisposable {
  /** Whether it serves; asked again until it does. */
  isReady(): Promise<boolean>
  counts(): Promise<ProductCounts>
  /** Lets it read its configuration anew; resolves when nothing serves with the old one any more. */
  reload(): Promise<void>
  /** Lets it bring these tokens to the next hop, which its files have already; the old ones are gone then. */
  renew(tokens: ReadonlyMap<string, string>): Promise<void>
}

/** Waits until something holds, asking every few milliseconds; false when it does not within the limit. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<boolean> {
  const endMs = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() >= endMs) return false
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  return true
}

/** A product needs some milliseconds for anything that is waited for here. */
const pollMs = 5
