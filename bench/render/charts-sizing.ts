import type { Sizing } from '../analysis/sizing-schema.ts'
import { barChart, barDataset, type BarChart } from './charts-bars.ts'
import type { LabelRun } from './charts-facts.ts'
import { formatCount } from './charts-text.ts'
import { roleColours } from './palette.ts'
import { demandWords, validationLine } from './sizing-text.ts'

/** The instances that each limit asks for, before they are rounded up: what binds is the longest bar. */
export function sizingChart(sizing: Sizing, { sizingId }: { readonly sizingId: string }): BarChart {
  const { limits, bindingLimit, demand, instances, valid } = sizing
  const unit = demand.coresPerInstance === 1 ? 'core' : 'cores'
  const colourOf = ({ name }: Limit) => roleColours[name === bindingLimit ? 'case' : 'baseline']
  return barChart({
    text: {
      title: `${formatCount(instances.estimate)} instances of ${demand.coresPerInstance} ${unit}: what limits them`,
      subtitle: demandWords(sizing),
      footer: `${valid.cpuModel} · ${sizingId} · ${validationLine(sizing.validation)}`,
      interval: null,
    },
    rows: limits.map(({ name }) => ({
      label: name,
      role: 'case',
      reason: 'no number of instances is enough',
    })),
    labels: limits.map(labelOf),
    whiskers: [],
    hatched: [],
    legend: [
      { label: 'binds', sign: 'bar', colour: roleColours.case },
      { label: 'other limits', sign: 'bar', colour: roleColours.baseline },
    ],
    datasets: [
      barDataset(
        'instances',
        limits.map(({ unrounded }) => unrounded),
        limits.map(colourOf),
      ),
    ],
    xTitle: 'instances before they are rounded up, spare ones included',
  })
}

type Limit = Sizing['limits'][number]

function labelOf({ unrounded, ratePerProcess }: Limit): LabelRun[] | null {
  if (unrounded === null) return null
  const rate =
    ratePerProcess === null ? '' : `, ${formatCount(ratePerProcess)} requests/s of a process`
  return [
    { text: String(Number(unrounded.toPrecision(3))), strong: true },
    { text: rate, strong: false },
  ]
}
