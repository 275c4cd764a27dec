/** What the bench sends to a companion; null: nobody waits for an answer. */
export interface CompanionOrder<Order> {
  readonly id: number | null
  readonly order: Order
}

/** What a companion says. */
export type CompanionReport<Answer, Ready> =
  | { readonly kind: 'ready'; readonly ready: Ready }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly why: string }

/** CPU in µs that a companion used since it was ready, all threads. */
export interface CompanionCpu {
  readonly inBlocksUs: number
  readonly betweenBlocksUs: number
}
