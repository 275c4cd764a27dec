import ora from 'ora'
import { performance } from 'node:perf_hooks'
import type { Plan } from './measure.ts'
import type { Block } from './results.ts'
import type { RunEvent } from './run.ts'
import type { Io } from './commands/io.ts'

/** Tells on stderr what is being measured, how fast it goes, and how long it will take. */
export interface Progress {
  readonly event: (event: RunEvent) => void
  readonly stop: () => void
}

/** What is known beforehand of how long it will take. */
export type ProgressPlan = Pick<Plan, 'minBlocks' | 'maxBlocks' | 'budgetMs'>

/** A live line on a terminal; plain lines, one a step, elsewhere. */
export function createProgress(options: { io: Io; plan: ProgressPlan }): Progress {
  const { io, plan } = options
  const spinner =
    io.stderr.isTTY === true ? ora({ stream: io.stderr, discardStdin: false }).start() : null
  const startMs = performance.now()
  const say = (line: string) => {
    const text = `${clock(performance.now() - startMs)}  ${line}`
    if (spinner === null) io.err(`${text}\n`)
    else {
      spinner.stop()
      io.err(`${text}\n`)
      spinner.start()
    }
  }
  const live = (line: string) => {
    if (spinner !== null) spinner.text = line
  }
  let block = 0
  let blocksStartMs = 0
  return {
    event(event) {
      switch (event.kind) {
        case 'clients':
          say(clientsLine(event.what, event.done, event.of))
          return
        case 'preflight-started':
          live(`preflight ${event.caseId}: trying bad credentials`)
          return
        case 'preflight-finished':
          say(preflightLine(event))
          return
        case 'block-started':
          block = event.index + 1
          if (event.index === 0) blocksStartMs = performance.now()
          live(`block ${block} of ${progressText(plan)}: starting servers`)
          return
        case 'warming':
          live(`block ${block} of ${progressText(plan)}: warming ${event.arms} arms`)
          return
        case 'slice': {
          const { slice, done, of } = event
          const perSecond = Math.round((slice.requests * 1e6) / slice.wallUs)
          const cost =
            slice.cpuUs === null
              ? ''
              : `, ${Math.round(slice.cpuUs / slice.requests)} µs CPU/request`
          const line = `block ${block} of ${progressText(plan)}: ${shortName(slice.arm)} ${perSecond.toLocaleString('en')} requests/s${cost}`
          if (done === 1 && block === 1) say(`first figure: ${line.replace(/^.*?: /, '')}`)
          live(`${line}, slice ${done} of ${of}`)
          return
        }
        case 'window-started':
          live(
            `block ${block} of ${progressText(plan)}: ${shortName(event.arm)}, ${event.plan.durationMs / 1_000} s of offered load`,
          )
          return
        case 'window-finished': {
          const { arm, answered, requests } = event.window
          say(`block ${block}: ${shortName(arm)} answered ${answered} of ${requests} requests`)
          return
        }
        case 'primitives':
          live(`block ${block} of ${progressText(plan)}: primitive ${event.done} of ${event.of}`)
          return
        case 'block-finished': {
          const left = timeLeftMs(plan, block, performance.now() - blocksStartMs)
          const outcome =
            event.block.outcome === 'failed'
              ? `failed: ${event.block.reason ?? ''}`
              : doneText(event.block)
          say(
            `block ${block} of ${progressText(plan)}: ${outcome}${left > 0 && event.block.outcome === 'measured' ? `, about ${clock(left)} left` : ''}`,
          )
        }
      }
    },
    stop: () => spinner?.stop(),
  }
}

/** How far many clients are made ready. */
export function clientsLine(what: string, done: number, of: number): string {
  return `${what}: ${done.toLocaleString('en')} of ${of.toLocaleString('en')}`
}

function doneText({ slices, windows, churn, primitives }: Block): string {
  if (primitives !== undefined) return `${slices.length} slices, ${primitives.length} primitives`
  if (windows !== undefined) return `${windows.length} windows`
  const all = churn === undefined ? slices : churn.flatMap((cell) => cell.slices)
  return `${all.length} slices`
}

function preflightLine({
  caseId,
  preflight,
}: Extract<RunEvent, { kind: 'preflight-finished' }>): string {
  const { tried, refused, recorded, handlerCalls } = preflight
  const counts =
    tried === 0
      ? 'answers the good request'
      : `refused ${refused} of ${tried} bad credentials, handler ran ${handlerCalls} times`
  return `preflight ${shortName(caseId)}: ${counts}${recorded > 0 ? `, ${recorded} accepted by design` : ''}`
}

/** Time left from the blocks so far; the plan may stop earlier by budget. */
export function timeLeftMs(
  { maxBlocks, budgetMs }: ProgressPlan,
  done: number,
  elapsedMs: number,
): number {
  const byBlocks = (elapsedMs / done) * (maxBlocks - done)
  return budgetMs === null ? byBlocks : Math.min(byBlocks, budgetMs - elapsedMs)
}

/** How many blocks there will be, in words: 12, up to 12, 12 to 40. */
export function progressText({ minBlocks, maxBlocks, budgetMs }: ProgressPlan): string {
  if (minBlocks !== maxBlocks) return `${minBlocks} to ${maxBlocks}`
  return budgetMs === null ? String(maxBlocks) : `up to ${maxBlocks}`
}

/** The scenario alone: a case id does not fit a line of progress. */
function shortName(id: string): string {
  const [name = id] = id.split('/')
  return id.endsWith('#2') ? `${name}#2` : name
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
