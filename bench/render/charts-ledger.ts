import type { Ledger } from '../analysis/ledger.ts'
import type { LedgerKind } from '../analysis/ledger-parts.ts'
import { barChart, barDataset, type BarChart, type RowInput } from './charts-bars.ts'
import type { ChartText } from './charts-frame.ts'
import { formatInterval } from './charts-text.ts'
import { issuerColour, ledgerColours } from './palette.ts'

/** The cost ledger of several cases: what a request consists of, in stacked bars. */
export interface LedgerChartInput extends ChartText {
  readonly rows: readonly (RowInput & { readonly ledger: Ledger })[]
}

/** Stacked bars, one a case; what no part accounts for is hatched, and left out where it is below zero. */
export function ledgerChart(input: LedgerChartInput): BarChart {
  const { rows } = input
  const kinds = kindsInOrder.filter((kind) =>
    rows.some(({ ledger }) => ledger.entries.some((entry) => entry.kind === kind)),
  )
  const rest = rows.map(({ ledger }) => Math.max(0, ledger.restCpuUs.estimate))
  return barChart({
    text: input,
    rows,
    labels: rows.map(({ ledger: { totalCpuUs, explainedShare } }) => {
      const shown = formatInterval(totalCpuUs.estimate, totalCpuUs.low, totalCpuUs.high)
      return [
        { text: shown.value, strong: true },
        ...(shown.half === null ? [] : [{ text: ` ± ${shown.half}`, strong: false }]),
        { text: ` µs, ${Math.round(explainedShare.estimate * 100)} % explained`, strong: false },
      ]
    }),
    whiskers: [],
    hatched: rest.flatMap((value, row) =>
      value > 0 ? [{ dataset: kinds.length, row, colour: restColour }] : [],
    ),
    legend: [
      ...kinds.map((kind) => ({
        label: kindNames[kind],
        sign: 'bar' as const,
        colour: ledgerColours[kind],
      })),
      { label: 'unexplained', sign: 'hatched' as const, colour: restColour },
    ],
    datasets: [
      ...kinds.map((kind) =>
        barDataset(
          kindNames[kind],
          rows.map(({ ledger }) => sumOf(ledger, kind)),
          ledgerColours[kind],
        ),
      ),
      barDataset('unexplained', rest, restColour),
    ],
    xTitle: 'server CPU time per request, µs',
  })
}

function sumOf({ entries }: Ledger, kind: LedgerKind): number {
  return entries
    .filter((entry) => entry.kind === kind)
    .reduce((sum, { cpuUs }) => sum + Math.max(0, cpuUs.estimate), 0)
}

const kindsInOrder: readonly LedgerKind[] = [
  'http',
  'tls',
  'signature',
  'token',
  'issuer',
  'guards',
]
const kindNames: Readonly<Record<LedgerKind, string>> = {
  http: 'HTTP exchange',
  tls: 'TLS records',
  signature: 'signature',
  token: 'rest of the token check',
  issuer: 'call of the authorization server',
  guards: 'scope, tenant, binding',
}
const restColour = issuerColour
