import type { LiveCheck, LiveProgress } from '../render/live-html.ts'

/** What the bench tells the process of the page. */
export type LiveOrder =
  /** A case is past preflight. */
  | { readonly kind: 'checked'; readonly check: LiveCheck }
  /** A block has ended, or the first is about to begin: this is the moment to draw. */
  | {
      readonly kind: 'between-blocks'
      readonly file: string | null
      readonly progress: LiveProgress
    }
  /** A block begins: nothing is drawn or sent of one's own accord until it has ended. */
  | { readonly kind: 'block-started' }
  /** No block follows. */
  | { readonly kind: 'ended'; readonly file: string | null; readonly progress: LiveProgress }
