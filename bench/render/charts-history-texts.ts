import type { History } from '../analysis/history.ts'
import type { HistoryLegendEntry, HistoryPanel } from './charts-history-plot.ts'
import { plainText } from './charts-text.ts'
import { machineLabel, pointsInOrder, silenceText, startedText } from './history-words.ts'
import { levelPercent } from './numbers.ts'
import type { LineStyle } from './palette.ts'

/** Look of each machine's points, by its fingerprint. */
export type Styles = ReadonlyMap<string, LineStyle>

/** Every sign that the chart has, and no other. */
export function legendOf(
  history: History,
  styles: Styles,
  panels: readonly HistoryPanel[],
): HistoryLegendEntry[] {
  const points = history.series.flatMap(pointsInOrder)
  const levels = points.flatMap(({ point }) => point.ratio.level ?? [])
  const machines = [...styles].map(([machineId, style]): HistoryLegendEntry => {
    const own = history.runs.filter(({ environment }) => environment.machineId === machineId)
    const model = plainText(own.at(-1)?.environment.cpuModel ?? '')
    return {
      sign: 'point',
      style,
      label: `machine ${machineLabel({ machineId })}, ${model}: ${own.length} ${own.length === 1 ? 'run' : 'runs'}`,
    }
  })
  const signs: HistoryLegendEntry[] = [
    ...(points.some(({ point }) => point.dirty === true)
      ? [{ sign: 'hollow', label: 'uncommitted changes' } as const]
      : []),
    ...(levels.length === 0
      ? []
      : [
          {
            sign: 'whisker',
            label: `${levelPercent(Math.min(...levels))} interval of one run`,
          } as const,
        ]),
    { sign: 'mean', label: 'mean of runs' },
    ...(panels.some(({ changes }) => changes.length > 0)
      ? [{ sign: 'change', label: 'change point: commit after it, size' } as const]
      : []),
    ...(panels.some(({ switches }) => switches.length > 0)
      ? [{ sign: 'switch', label: 'another machine' } as const]
      : []),
  ]
  return [...machines, ...signs]
}

/** Title, subtitle and where the numbers come from. */
export function historyText({ runs, detection }: History) {
  const { significance, permutations, minimumSegment } = detection
  const days = [runs[0], runs.at(-1)].map((run) => startedText(run?.startedAt ?? '').slice(0, 10))
  return {
    title: 'History: server CPU per request ÷ that of the reference server',
    subtitle:
      'both in the same blocks, so that runs of all days and machines share a scale; lower is better',
    footer: `${runs.length} runs in the order of measuring, ${days.join(' to ')} · change points: E-divisive on each machine by itself, p no more than ${significance} of ${permutations} permutations, ${minimumSegment} runs or more on either side`,
  }
}

/** Which panels are without change points, and why. */
export function quietNotes(
  { series, detection }: History,
  rows: readonly HistoryPanel['title'][],
): string[] {
  const told = Map.groupBy(
    series.flatMap((one, index) => {
      const { name = '', detail = '' } = rows[index] ?? {}
      const title = [name, detail].filter((part) => part !== '').join(' ')
      return silenceText(one, detection).map((text) => ({ title, text }))
    }),
    ({ text }) => text,
  )
  return [...told].map(([text, cases]) =>
    cases.length === series.length && series.length > 1
      ? `All cases: ${text}.`
      : `${cases.map(({ title }) => title).join('; ')}: ${text}.`,
  )
}
