import { join } from 'node:path'
import { startCompanion } from '../companion/companion.ts'
import type { CompanionCpu } from '../companion/messages.ts'
import type { LiveOrder } from './messages.ts'

/** The page, in a process of its own, as the bench sees it. A page that is gone is no error: orders then do nothing. */
export interface Page extends AsyncDisposable {
  readonly pid: number
  readonly url: string
  order(order: LiveOrder): void
  /** Orders, and waits until it is drawn and sent; when that takes too long, the page is ended. Null when it is gone. */
  draw(order: LiveOrder, timeoutMs: number): Promise<CompanionCpu | null>
}

/** Starts the page; `onLost` is told, at most once, why it is gone before its time. Throws an Error when it does not start. */
export async function startPage(onLost: (why: string) => void): Promise<Page> {
  const companion = await startCompanion<LiveOrder, CompanionCpu, { readonly port: number }>({
    script: join(import.meta.dirname, 'page-process.ts'),
    onLost,
  })
  return {
    pid: companion.pid,
    url: `http://127.0.0.1:${companion.ready.port}/`,
    order: companion.order,
    draw: companion.ask,
    [Symbol.asyncDispose]: () => companion[Symbol.asyncDispose](),
  }
}
