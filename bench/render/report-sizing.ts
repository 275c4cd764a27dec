import type { SizeEnvelope } from '../analysis/sizing-schema.ts'
import { html, htmlTable, type Markup } from './html.ts'
import { levelPercent } from './numbers.ts'
import { demandWords, validationLine, withEnds } from './sizing-text.ts'

/** The newest stored size: the fleet, what binds, and what it rests on. */
export function sizingSection({ sizing, sizingId }: SizeEnvelope): Markup {
  const { instances, cores, latency, demand, feasible, bindingLimit, limits } = sizing
  const { level, blocks } = sizing.coresNeeded
  return html`
    <p>${demandWords(sizing)}.</p>
    <p>
      ${withEnds(instances)} instances of ${demand.coresPerInstance}
      ${demand.coresPerInstance === 1 ? 'core' : 'cores'}, ${withEnds(cores)} cores in all.
      ${feasible ? `What binds: ${bindingLimit}.` : `Does not fit: ${bindingLimit} needs more than there is.`}
    </p>
    ${htmlTable({
      caption: `At peak; nominal ${level === null ? '–' : levelPercent(level)} intervals by bootstrap over ${blocks} blocks and sessions`,
      heads: ['figure', 'estimate (interval)'],
      rows: [
        ['CPU, %', withEnds(sizing.cpuShareAtPeak, PERCENT)],
        ['p50, ms', withEnds(latency.p50Us, MS_PER_US)],
        ['p99, ms', withEnds(latency.p99Us, MS_PER_US)],
        ['p99 in bursts without spares, ms', withEnds(latency.burstP99Us, MS_PER_US)],
        ['authorization server, cores', withEnds(sizing.issuer.coresNeeded)],
      ],
    })}
    ${htmlTable({
      caption: 'Instances that each limit asks for',
      heads: ['limit', 'instances'],
      rows: limits.map(({ name, instances: count }) => [
        name,
        count === null ? 'no number is enough' : count.toLocaleString('en-US'),
      ]),
    })}
    <ul>
      ${sizing.assumptions.map((line) => html`<li>${line}</li>`)}
    </ul>
    <p>${validationLine(sizing.validation)}</p>
    <p class="muted">Size ${sizingId}, of runs ${sizing.runs.join(', ')}.</p>
  `
}

const PERCENT = 100
const MS_PER_US = 0.001
