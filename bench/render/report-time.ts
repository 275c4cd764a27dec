import { windowOf } from '../analysis/event-windows.ts'
import type { History } from '../analysis/history.ts'
import type { EventRecord } from '../events.ts'
import { plainText } from './charts-text.ts'
import { html, proseTable, type Markup } from './html.ts'
import { chartFigure, selectControl } from './page-figure.ts'
import { pageHistory, type Figure } from './page-model.ts'
import { anchorOf, missing } from './report-parts.ts'
import { changeText, headline, silenceText } from './history-words.ts'
import { exclusionLines } from './history-text.ts'
import { levelPercent, withMargin } from './numbers.ts'

/** Life-cycle events under a constant rate of requests: who was served, and until when. */
export function eventsSection(events: readonly EventRecord[]): Markup {
  if (events.length === 0) return missing('npm run claims -- O2 O3 O4 P3')
  const windows = events.map(windowOf)
  return html`
    <p>
      Requests at a constant rate while something happens to credentials or to the authorization
      server. Time counts from when the event was done; one request at a time is due, whatever
      became of the one before.
    </p>
    ${chartFigure({
      id: 'lanes',
      title: 'What became of each request, one line an event.',
      alt: 'Marks for each request over time, by outcome, one line an event; the table has the windows.',
    })}
    ${chartFigure({
      id: 'timeline',
      title: 'Latency of each request of one event.',
      alt: 'Latency of each request over time, by outcome, with the event marked.',
      controls: [
        selectControl(
          'timeline-event',
          'event',
          events.map(({ name }) => ({ value: name, label: name })),
        ),
      ],
    })}
    ${proseTable({
      caption: 'Windows in ms since the event; n is the number of requests due after it',
      heads: [
        'event',
        'what',
        'last served, ms',
        'first not served, ms',
        'known to, ms',
        'served / n',
        'before',
      ],
      rows: windows.map((window) => [
        html`<span id="${anchorOf('event', window.name)}">${window.name}</span>`,
        window.what,
        window.lastServedMs === null ? 'none was' : ms(window.lastServedMs),
        window.firstRefusedMs === null
          ? `none within ${ms(window.watchedMs)}`
          : ms(window.firstRefusedMs),
        `± ${ms(window.resolutionMs)}`,
        `${window.servedAfter} / ${window.servedAfter + window.refusedAfter}`,
        window.failedBefore === 0
          ? `all ${window.servedBefore} served`
          : `${window.failedBefore} FAILED of ${window.failedBefore + window.servedBefore}`,
      ]),
    })}
  `
}

/** Every stored run on the scale of the reference. */
export function historySection(history: History | null): Markup {
  if (history === null || history.runs.length < 2) {
    return html`<p>Not a history yet: another <code>npm run bench</code> adds a point.</p>`
  }
  const { series, runs } = pageHistory(history)
  const longest = series.toSorted((a, b) => lengthOf(b) - lengthOf(a))[0]?.name
  return html`
    ${headline(history).map((line) => html`<p>${line}</p>`)}
    ${chartFigure({
      id: 'history',
      title:
        'Server CPU per request over that of the reference server in the same blocks, run by run; marks: change points.',
      alt: 'Points with intervals, one a run; the table below has the newest of each case.',
      controls: [
        selectControl(
          'history-case',
          'case',
          series.map(({ name, machines }) => {
            return {
              value: name,
              label: `${name} (${lengthOf({ machines })} runs)`,
              chosen: name === longest,
            }
          }),
        ),
      ],
    })}
    <ul>
      ${history.series.flatMap((one, index) =>
        one.machines.flatMap((machine) =>
          machine.changes.map(
            (change) =>
              html`<li>
                ${series[index]?.name}:
                ${changeText(machine, change, { namesMachine: one.machines.length > 1 })}
              </li>`,
          ),
        ),
      )}
    </ul>
    <details ${series.length > MOST_ROWS ? '' : html`open`}>
      <summary>The newest run of each of ${series.length} cases</summary>
      ${proseTable({
        caption:
          'The newest run of each case; ± reaches to the farther end of the interval of that run',
        heads: ['case', '÷ reference', 'blocks', 'run', 'change points'],
        rows: series.map((one, index) => {
          const last = one.machines
            .flatMap(({ points }) => points)
            .reduce(
              (newest: { run: number; ratio: Figure | null } | null, point) =>
                newest === null || point.run >= newest.run ? point : newest,
              null,
            )
          const all = history.series[index]
          return [
            one.name,
            figureText(last?.ratio ?? null),
            String(last?.ratio?.[4] ?? '–'),
            last === null ? '–' : (runs[last.run]?.label ?? '–'),
            all === undefined ? '' : silenceOr(all, history),
          ]
        }),
      })}
    </details>
    ${exclusionLines(history).map((line) => html`<p class="muted">${line}</p>`)}
  `
}

function silenceOr(series: History['series'][number], history: History): string {
  const changes = series.machines.reduce((sum, machine) => sum + machine.changes.length, 0)
  return changes > 0
    ? String(changes)
    : plainText(silenceText(series, history.detection).join('; '))
}

function figureText(figure: Figure | null): string {
  if (figure === null) return '–'
  const [estimate, low, high, level, blocks] = figure
  const told = withMargin({ estimate, low, high, level, blocks })
  return level === null ? told : `${told} (${levelPercent(level)})`
}

function lengthOf({
  machines,
}: {
  readonly machines: readonly { readonly points: readonly unknown[] }[]
}): number {
  return machines.reduce((sum, { points }) => sum + points.length, 0)
}

function ms(value: number): string {
  return value.toFixed(0)
}

/** More than a reader wants to scroll past. */
const MOST_ROWS = 8
