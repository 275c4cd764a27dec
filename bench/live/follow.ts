import { isOfClosedLoops } from '../analysis/narrowing.ts'
import type { CompanionCpu } from '../companion/messages.ts'
import { progressText, timeLeftMs, type ProgressPlan } from '../progress.ts'
import type { RunEvent } from '../run.ts'
import type { LiveProgress } from '../render/live-html.ts'
import { openBrowser } from './open-browser.ts'
import { startPage, type Page } from './page.ts'

/** A run as the live page follows it. */
export interface LiveFollower extends AsyncDisposable {
  readonly event: (event: RunEvent) => void
  /** Draws; awaited before each block, so that nothing of it is left when the block begins. */
  readonly betweenBlocks: () => Promise<void>
  /** Shows how the run ended, and tells what following it took. */
  readonly ended: () => Promise<void>
}

/** What following a run needs. */
export interface FollowOptions {
  readonly err: (line: string) => void
  readonly plan: ProgressPlan
  readonly signal: AbortSignal
  /** Path of the newest saved version of the run; null before the first. */
  readonly file: () => string | null
  /** Whether a browser may be opened on this screen. */
  readonly hasScreen: boolean
}

/** Serves the page and says where; where it cannot be served, says why, and the run goes on without. */
export async function followRun(options: FollowOptions): Promise<LiveFollower> {
  const { err, plan, signal, file, hasScreen } = options
  const page = await startOrSay(err)
  if (page === null) return nobody
  err(`live page: ${page.url}\n`)
  if (hasScreen) openBrowser(page.url)
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve()
    })
  })
  // Blocks of an earlier session are in the index of the first one here, and took none of its time.
  let earlier: number | null = null
  let hasReport = false
  let progress: LiveProgress = {
    most: plan.maxBlocks,
    of: progressText(plan),
    leftMs: null,
  }
  return {
    event(event) {
      if (event.kind === 'preflight-finished') {
        const { tried, refused, handlerCalls } = event.preflight
        page.order({
          kind: 'checked',
          check: { caseId: event.caseId, tried, refused, handlerCalls },
        })
      } else if (event.kind === 'block-started') {
        earlier ??= event.index
        page.order({ kind: 'block-started' })
      } else if (event.kind === 'block-finished') {
        hasReport ||= isOfClosedLoops(event.block)
        const done = event.block.index + 1
        const here = done - (earlier ?? 0)
        const planHere = { ...plan, maxBlocks: plan.maxBlocks - (earlier ?? 0) }
        const leftMs = Math.max(0, timeLeftMs(planHere, here, event.elapsedMs))
        progress = { ...progress, leftMs }
      }
    },
    async betweenBlocks() {
      const drawn = page.draw({ kind: 'between-blocks', file: file(), progress }, drawTimeoutMs)
      await Promise.race([drawn, aborted])
    },
    async ended() {
      const timeoutMs = signal.aborted ? hurriedTimeoutMs : drawTimeoutMs
      const cpu = await page.draw({ kind: 'ended', file: file(), progress }, timeoutMs)
      if (cpu === null) return
      const drawn = hasReport ? ', npm run report draws it' : ''
      err(`${cpuLine(cpu)}; the page closed with the run${drawn}\n`)
    },
    [Symbol.asyncDispose]: () => page[Symbol.asyncDispose](),
  }
}

async function startOrSay(err: (line: string) => void): Promise<Page | null> {
  const say = (why: string) => {
    err(`trustbench: --open: the live page is gone, the run goes on without: ${why}\n`)
  }
  try {
    return await startPage(say)
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    return null
  }
}

/** So that nobody has to believe that it added nothing. */
function cpuLine({ inBlocksUs, betweenBlocksUs }: CompanionCpu): string {
  const ms = (us: number) => (us / 1_000).toFixed(1)
  return `live page: used ${ms(inBlocksUs)} ms of CPU while blocks ran, ${ms(betweenBlocksUs)} ms between them`
}

const nobody: LiveFollower = {
  event: () => undefined,
  betweenBlocks: () => Promise.resolve(),
  ended: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

// A draw takes 0.1 s, but at the lowest priority it waits for whatever else wants the core.
const drawTimeoutMs = 10_000
// Ctrl-C promises that the children are gone within 2 s.
const hurriedTimeoutMs = 1_000
