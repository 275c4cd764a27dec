import type { Sizing } from '../analysis/sizing-schema.ts'
import { barChart, barDataset, type BarChart } from './charts-bars.ts'
import { formatCount } from './charts-text.ts'
import { roleColours } from './palette.ts'
import { demandWords, validationLine } from './sizing-text.ts'

/** The instances that each limit asks for: what binds is the longest bar. */
export function sizingChart(sizing: Sizing, { runId }: { readonly runId: string }): BarChart {
  const { limits, bindingLimit, demand, instances, valid } = sizing
  const values = limits.map((limit) => limit.instances)
  return barChart({
    text: {
      title: `Instances of ${demand.coresPerInstance} ${demand.coresPerInstance === 1 ? 'core' : 'cores'}, by what limits them`,
      subtitle: demandWords(sizing),
      footer: `${valid.cpuModel} · ${runId} · ${validationLine(sizing.validation)}`,
      interval: null,
    },
    rows: limits.map(({ name }) => ({
      label: name === bindingLimit ? `${name}, binds` : name,
      role: name === bindingLimit ? ('case' as const) : ('baseline' as const),
      reason: 'no number of instances is enough',
    })),
    labels: limits.map(({ instances: count, ratePerProcess }) =>
      count === null
        ? null
        : [
            { text: formatCount(count), strong: true },
            ...(ratePerProcess === null
              ? []
              : [
                  {
                    text: `, ${formatCount(Math.round(ratePerProcess))} requests/s of a process`,
                    strong: false,
                  },
                ]),
          ],
    ),
    whiskers: [],
    hatched: [],
    legend: [
      {
        label: `what binds; the fleet has ${formatCount(instances.estimate)} instances`,
        sign: 'bar',
        colour: roleColours.case,
      },
    ],
    datasets: [
      barDataset(
        'instances',
        values,
        limits.map(({ name }) => roleColours[name === bindingLimit ? 'case' : 'baseline']),
      ),
    ],
    xTitle: 'instances, spare ones included',
  })
}
