import { noiseOf, type BlockNoise } from '../analysis/block-noise.ts'
import { isOfClosedLoops, narrowings, type Narrowing } from '../analysis/narrowing.ts'
import { margin, type Estimate } from '../analysis/stats.ts'
import type { Run } from '../results.ts'
import { machineWords } from './changes.ts'
import { useName } from './churn-text.ts'
import { html, htmlTable, type Cell, type Markup } from './html.ts'
import { labelArms } from './labels.ts'
import { funnel, sparkline } from './live-charts.ts'
import type { LiveContent } from './live-shell.ts'
import { windowsSection } from './live-windows.ts'
import { shellCommand } from './markdown-text.ts'
import { atMostPercent, levelPercent, signedWithMargin, withMargin } from './numbers.ts'

/** One case whose bad credentials were tried. */
export interface LiveCheck {
  readonly caseId: string
  readonly tried: number
  readonly refused: number
  readonly handlerCalls: number
}

/** How far the blocks are. */
export interface LiveProgress {
  /** Most blocks that there may be, and how that is said: `up to 12`. */
  readonly most: number
  readonly of: string
  /** Null before the first block of this session. */
  readonly leftMs: number | null
}

/** Everything that the page tells while a run goes on. */
export interface LiveView {
  readonly checks: readonly LiveCheck[]
  /** As it is saved; null before preflight is over. */
  readonly run: Run | null
  readonly progress: LiveProgress
  /** Null while it goes on; then the file, or null in it where none could be written. */
  readonly ended: { readonly file: string | null } | null
}

/** What the page shows of a run that goes on, or has just ended. The same view gives the same content. */
export function renderLive(view: LiveView): LiveContent {
  const { run, progress, ended } = view
  const status = statusOf(view)
  const title = run === null ? 'trustbench: checking credentials' : `trustbench: ${run.runId}`
  const main =
    run === null
      ? html`<h1>Checking credentials</h1>
          ${checksSection(view.checks)}`
      : html`<h1>What trust costs${ended === null ? ', so far' : ''}</h1>
          <p class="muted" id="run">${machineWords(run.environment)}; run ${run.runId}</p>
          ${ended === null ? progressBar(run, progress) : endedSection(run, ended.file)}
          ${run.mode === 'smoke' ? html`<p class="verdict">SMOKE RUN: no figure here is a measurement.</p>` : null}
          ${failuresOf(run)} ${casesSection(run)} ${windowsSection(run, namesOf(run))}
          ${noiseSection(run)}
          <p class="muted">
            Drawn between blocks only, by a process of its own that sleeps while requests are
            measured.
          </p>`
  return { title, status, main }
}

function statusOf({ run, progress: { of, leftMs }, checks, ended }: LiveView): string {
  if (ended !== null) {
    if (run === null) return 'Ended before anything was measured.'
    return run.complete
      ? `Ended: ${counted(run.blocks.length, 'block')} measured.`
      : `Ended early: ${run.incompleteReason ?? 'no reason told'}.`
  }
  if (run === null) return `Before any number: ${counted(checks.length, 'case')} checked.`
  if (run.blocks.length === 0) return `The first block of ${of} is being measured.`
  const left = leftMs !== null && leftMs > 0 ? `, about ${clock(leftMs)} left` : ''
  return `${run.blocks.length} of ${of} blocks done${left}.`
}

function progressBar({ blocks }: Run, { most }: LiveProgress): Markup {
  return html`<progress
    id="progress"
    value="${blocks.length}"
    max="${most}"
    aria-label="blocks"
  ></progress>`
}

function endedSection(run: Run, file: string | null): Markup {
  if (file === null)
    return html`<p id="saved" class="verdict">The run could not be saved: see the terminal.</p>`
  const command = shellCommand(['npm', 'run', 'report', '--', file])
  return html`<p id="saved">
    Saved as <code>${file}</code>. This page closed with the
    run${run.blocks.some(isOfClosedLoops) ? html`; <code>${command}</code> draws it.` : '.'}
  </p>`
}

function checksSection(checks: readonly LiveCheck[]): Markup {
  if (checks.length === 0)
    return html`<p>Bad credentials are tried first: no figure without their refusal.</p>`
  return html`<div id="checks">
    ${htmlTable({
      caption: 'Bad credentials, each tried on processes of its own',
      heads: ['case', 'refused of tried', 'handler ran'],
      rows: checks.map(({ caseId, refused, tried, handlerCalls }) => [
        caseId,
        tried === 0 ? 'none to try' : `${refused} of ${tried}`,
        `${handlerCalls} times`,
      ]),
    })}
  </div>`
}

function failuresOf({ blocks }: Run): readonly Markup[] {
  return blocks
    .filter(({ outcome }) => outcome === 'failed')
    .map(
      ({ index, reason }) =>
        html`<p class="verdict">Block ${index + 1} failed: ${reason ?? 'no reason told'}</p>`,
    )
}

function casesSection(run: Run): Markup {
  const nameOf = namesOf(run)
  return html`<div id="cases">
    ${htmlTable({
      caption: 'Server CPU, and how far off it may still be',
      heads: [
        ...['case', 'CPU µs/request', 'over its baseline'],
        ...['half-width', 'level', 'narrowing'],
      ],
      rows: narrowings(run).map((row) => caseRow(row, nameOf(row.arm))),
    })}
    <p class="muted">
      ± reaches to the farther end of the interval at the level beside it: the highest that so many
      blocks reach, up to 99 % from 8 on. The pale band is that interval after each block, the dark
      one the interval at 75 %, which three blocks reach and more of them narrow.
    </p>
  </div>`
}

function namesOf({ arms }: Run): (arm: string) => string {
  const { rows } = labelArms(arms)
  const names = new Map(arms.map(({ id }, index) => [id, rows[index] ?? id]))
  return (arm) => names.get(arm) ?? arm
}

function caseRow(row: Narrowing, name: string): readonly Cell[] {
  const { after, overBaseline } = row
  const now = after.at(-1)
  const how = [
    ...(row.use === null ? [] : [useName(row.use)]),
    ...(row.use?.clients === undefined ? [] : [`${row.use.clients} clients at once`]),
    ...(row.ratePerSecond === null ? [] : [`${row.ratePerSecond.toLocaleString('en')}/s`]),
  ]
  return [
    [name, ...how].join(', '),
    now === undefined ? '–' : withMargin(now),
    overBaseline === null ? '' : signedWithMargin(overBaseline),
    now === undefined ? '–' : halfWidth(now),
    now?.level == null ? '–' : levelPercent(now.level),
    funnel(after, row.steady, narrowedWords(row)) ?? '–',
  ]
}

/** Of the estimate, as a share of it. */
function halfWidth(estimate: Estimate): string {
  const half = margin(estimate)
  return half === null || estimate.estimate === 0 ? '–' : atMostPercent(half / estimate.estimate)
}

function narrowedWords({ steady }: Narrowing): string {
  const [first, last] = [steady[0], steady.at(-1)]
  if (first === undefined || last === undefined) return 'no interval yet'
  return `half-width at 75 %: ${halfWidth(first)} after ${first.blocks} blocks, ${halfWidth(last)} after ${last.blocks}`
}

function noiseSection({ blocks }: Run): Markup | null {
  const noise = noiseOf(blocks)
  if (noise.length === 0) return null
  const row = (name: string, valueOf: (block: BlockNoise) => number | null): readonly Cell[] => {
    const values = noise.map(valueOf)
    const known = values.filter((value) => value !== null)
    const last = known.at(-1)
    if (last === undefined) return [name, 'not told here', '–', '–']
    const most = Math.max(...known)
    const words = `${name}: ${percent(last)} in the last block, ${percent(most)} at most`
    return [name, percent(last), percent(most), sparkline(values, leastScale, words) ?? '–']
  }
  return html`<div id="noise">
    ${htmlTable({
      caption: 'Noise while requests ran, as shares of that time',
      heads: ['sensor', 'last block', 'most', 'by block'],
      rows: [
        row('steal', ({ steal }) => steal),
        row('run queue', ({ runQueue }) => runQueue),
        row('foreign CPU', ({ foreignCpu }) => foreignCpu),
        row('client’s event loop', ({ clientEventLoop }) => clientEventLoop),
      ],
    })}
    <p class="muted">
      Steal: of a core, taken by the hypervisor. Run queue: of the servers’ threads, which could
      have run. Foreign CPU: of a core, used by other programs. The client is the limit where its
      event loop comes near 100 %.
    </p>
  </div>`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** A tenth of a core: what is far below it should look so. */
const leastScale = 0.1
