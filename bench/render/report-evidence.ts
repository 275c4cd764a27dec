import type { AnsweredQuestion } from '../analysis/questions.ts'
import type { ArmRecord, Preflight, Run } from '../results.ts'
import type { DecidedClaim } from './claims-text.ts'
import { html, htmlTable, proseTable, type Markup } from './html.ts'
import { startedText } from './history-words.ts'
import { shellCommand } from './markdown-text.ts'
import { withMargin } from './numbers.ts'
import { hopRefusals } from './report-hops.ts'
import { anchorOf, figureLines, missing } from './report-parts.ts'

/** Where the page of a run is; null where this page is all there is. */
export type RunLink = (runId: string) => string | null

/** Claims with verdicts, each with links to the runs and events that it rests on. */
export function claimsSection(claims: readonly DecidedClaim[]): Markup {
  if (claims.length === 0) return missing('npm run claims')
  return html`
    ${
      claims.some(({ isProvisional }) => isProvisional)
        ? html`<p>Provisional: of fewer blocks than a verdict should have.</p>`
        : null
    }
    <p>
      A and B are the two articles; sentences are in our words. Evidence links to what a verdict
      rests on.
    </p>
    ${proseTable({
      caption: 'Verdicts on this machine, with the figures that they rest on',
      heads: ['id', 'claim', 'verdict', 'what was seen', 'evidence'],
      rows: claims.map(({ claim, decision, runs, reproduce }) => [
        claim.id,
        `${claim.sentence} (${claim.source})`,
        html`<span class="verdict ${decision.verdict.replace(' ', '-')}">${decision.verdict}</span
          >${
            decision.turnsAt === null
              ? null
              : html`<br />${decision.turnsAt.variable}${decision.turnsAt.value === null ? '' : ` ${withMargin(decision.turnsAt.value)}`}`
          }`,
        html`<p>${decision.seen}</p>
          ${figureLines(decision.numbers)}`,
        evidenceOf(claim, { runs, reproduce, isMeasured: decision.verdict !== 'not measured' }),
      ]),
    })}
  `
}

/** Every run that this page tells of, by the command that measured it. */
export function evidenceTable(runs: readonly Run[], linkOf: RunLink): Markup {
  return html`${proseTable({
    caption: 'Runs that this page rests on',
    heads: ['run', 'started (UTC)', 'blocks', 'command'],
    rows: runs.map((run) => {
      const link = linkOf(run.runId)
      return [
        html`<span id="${anchorOf('run', run.runId)}"
          >${link === null ? run.runId : html`<a href="${link}">${run.runId}</a>`}</span
        >`,
        startedText(run.startedAt),
        `${run.blocks.filter(({ outcome }) => outcome === 'measured').length} measured of ${run.blocks.length}${run.complete ? '' : ', INCOMPLETE'}`,
        html`<code>${commandOf(run)}</code>`,
      ]
    }),
  })}`
}

/** Questions that users ask, each with numbers or with what would measure it. */
export function questionsSection(questions: readonly AnsweredQuestion[]): Markup {
  return html`
    <p>Asked in the trackers of others; what they publish stands beside, never as ours.</p>
    ${proseTable({
      caption: 'Each answered by numbers of this machine, or not measured',
      heads: ['question', 'here', 'others publish', 'asked in'],
      rows: questions.map(({ text, numbers, asked, published = '', command }) => [
        text,
        numbers.length > 0 ? figureLines(numbers) : html`not measured: <code>${command}</code>`,
        published,
        asked,
      ]),
    })}
  `
}

/** What is refused of what was tried, by mode, and what each attempt came to. */
export function scoreSection(arms: readonly ArmRecord[]): Markup {
  const tried = arms.flatMap(({ scenario, preflight }) =>
    preflight === null || preflight.tried === 0
      ? []
      : [{ scenario: [scenario, preflight.product].filter(Boolean).join(', '), preflight }],
  )
  if (tried.length === 0) return missing('npm run verify')
  return html`
    <p>
      Before any number each case must accept its good credential and refuse every bad one, with the
      right status and without its handler running once.
    </p>
    ${htmlTable({
      caption: 'Security score: bad credentials refused of those tried; counts, not estimates',
      heads: ['mode', 'refused', 'tried', 'handler calls', 'recorded beside', 'verdict'],
      rows: tried.map(({ scenario, preflight }) => [
        scenario,
        String(preflight.refused),
        String(preflight.tried),
        String(preflight.handlerCalls),
        String(preflight.recorded),
        verdictOf(preflight),
      ]),
    })}
    ${tried
      .filter(({ preflight }) => preflight.refusals.length > 0)
      .map(
        ({ scenario, preflight }) =>
          html`<details>
            <summary>${scenario}: ${preflight.refused} of ${preflight.tried} refused</summary>
            ${proseTable({
              caption: `Bad credentials at ${scenario}`,
              heads: ['id', 'presented', 'expected', 'seen'],
              rows: preflight.refusals.map(({ id, sameAs, describe, expected, outcome }) => [
                [id, ...sameAs].join(' = '),
                describe,
                expected,
                outcome,
              ]),
            })}
          </details>`,
      )}
    ${hopRefusals(arms)}
  `
}

/** A product that refuses in another way than a server of ours lets nobody in by that. */
function verdictOf({ refused, tried, handlerCalls, product, refusals }: Preflight): Markup {
  if (refused === tried && handlerCalls === 0)
    return html`<span class="verdict whole">all refused</span>`
  const letIn =
    product === undefined
      ? tried - refused
      : refusals.filter(({ gap }) => gap === 'accepted').length
  return letIn > 0
    ? html`<span class="verdict holes">let in ${letIn}</span>`
    : html`<span class="verdict holes">none let in, ${tried - refused} refused otherwise</span>`
}

/** The command that a run was measured by. */
export function commandOf({ command: [name = 'bench', ...words] }: Run): string {
  return shellCommand(['npm', 'run', name, ...(words.length === 0 ? [] : ['--', ...words])])
}

function evidenceOf(
  { id, events = [] }: DecidedClaim['claim'],
  {
    runs,
    reproduce,
    isMeasured,
  }: {
    readonly runs: readonly string[]
    readonly reproduce: readonly string[]
    readonly isMeasured: boolean
  },
): Markup {
  const links = [
    ...runs.map(
      (runId) => html`<div><a href="#${anchorOf('run', runId)}">run ${shortRunId(runId)}</a></div>`,
    ),
    ...(isMeasured
      ? events.map(
          (name) => html`<div><a href="#${anchorOf('event', name)}">event ${name}</a></div>`,
        )
      : []),
    ...(id.startsWith('S') && isMeasured ? [html`<div><a href="#score">refusals</a></div>`] : []),
  ]
  const commands = reproduce.map((command) => html`<div><code>${command}</code></div>`)
  // Folded up: a column of commands is longer than all that it proves.
  return commands.length === 0
    ? html`${links}`
    : html`${links}
        <details>
          <summary>measure it again</summary>
          ${commands}
        </details>`
}

/** What was measured and the random end: the time, commit and machine before it are in the table of runs. */
function shortRunId(runId: string): string {
  const [, , , ...rest] = runId.split('-')
  return rest.length === 0 ? runId : rest.join('-')
}
