import type { Run } from '../results.ts'
import { html, htmlTable, type Markup } from './html.ts'
import { commandOf, evidenceTable, type RunLink } from './report-evidence.ts'

/** How it is measured, and what that cannot tell. */
export function methodSection(): Markup {
  return html`<ul>
    <li>
      Every arm is alive at once on the same cores; a block starts fresh processes for all, warms
      them, and interleaves short slices. The block is the only unit of inference: Hodges-Lehmann
      estimates with Wilcoxon signed-rank intervals over blocks.
    </li>
    <li>
      Server CPU is that of all threads and children, from the scheduler’s nanoseconds; the
      authorization server apart.
    </li>
    <li>
      Percentiles are of histograms merged over blocks, their intervals by bootstrap over blocks,
      the level nominal.
    </li>
    <li>
      Client and servers share one machine: latencies hold no network, and a client can be the
      limit, which is marked.
    </li>
    <li>
      The servers are Node reference servers. Another runtime has other figures; differences between
      mechanisms are what to look at.
    </li>
    <li>
      Runs of different minutes are compared through the reference server that each measures, with
      the spread between sessions added: only a live comparison finds small differences.
    </li>
    <li>
      Nothing is dropped: a wrong status, body or share of resumed handshakes fails its block by
      name.
    </li>
  </ul>`
}

/** Machine, runtime and source of a run, and the commands of all. */
export function machineSection(main: Run, evidence: readonly Run[], linkOf: RunLink): Markup {
  const { environment } = main
  const packages = Object.entries(environment.packages).map(
    ([name, version]) => `${name} ${version}`,
  )
  const commands = [...new Set(evidence.map(commandOf))]
  return html`
    ${htmlTable({
      caption: 'Read while measuring',
      heads: ['what', 'value'],
      rows: [
        ['processor', `${environment.cpuModel}, ${environment.cores} cores`],
        ['memory', `${(environment.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
        ['system', `${environment.os} ${environment.arch}`],
        [
          'runtime',
          `Node ${environment.node}, OpenSSL ${environment.openssl}, V8 ${environment.v8}`,
        ],
        ['packages', packages.join(', ')],
        [
          'source',
          `${environment.commit ?? 'no commit'}${environment.dirty === true ? ', with changes' : ''}`,
        ],
        ['pinned', environment.pinned ? 'client and servers have cores of their own' : 'no'],
      ],
    })}
    ${evidenceTable(evidence, linkOf)}
    <p>To measure all of it again:</p>
    <pre tabindex="0" role="region" aria-label="commands">
${['npm ci', ...commands, 'npm run report'].join('\n')}</pre>
  `
}
