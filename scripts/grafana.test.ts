import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parser } from '@prometheus-io/lezer-promql'
import { startCli, temporaryFolder } from '../bench/cli-testbed.ts'
import { parseExposition, type Sample } from '../bench/otel/testbed.ts'

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
  readonly templating: { readonly list: readonly { readonly definition?: string }[] }
}

const dashboard = JSON.parse(
  readFileSync(join(import.meta.dirname, 'grafana', 'trustbench.json'), 'utf8'),
) as Dashboard

/** Every query of the dashboard as Prometheus gets it: Grafana's own variables are filled in. */
const queries = [
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => ({ title, expr: expr.replaceAll('$__rate_interval', '1m') })),
  ),
  ...dashboard.templating.list.flatMap(({ definition }) => {
    const [, expr] = /^label_values\((.*), \w+\)$/.exec(definition ?? '') ?? []
    return expr === undefined ? [] : [{ title: 'variable', expr }]
  }),
]

interface Asked {
  readonly metrics: readonly string[]
  readonly labels: readonly string[]
  readonly errors: number
}

/** What a query asks for, by Prometheus' own grammar. */
function readQuery(expr: string): Asked {
  const found = { metrics: new Set<string>(), labels: new Set<string>(), errors: 0 }
  parser.parse(expr).iterate({
    enter({ name, type, node: { from, to, parent } }) {
      if (type.isError) found.errors += 1
      if (name === 'Identifier' && parent?.name === 'VectorSelector')
        found.metrics.add(expr.slice(from, to))
      if (name === 'LabelName') found.labels.add(expr.slice(from, to))
    },
  })
  return { metrics: [...found.metrics], labels: [...found.labels], errors: found.errors }
}

test('every query parses, and one that does not is seen', () => {
  for (const { title, expr } of queries)
    assert.equal(readQuery(expr).errors, 0, `${title}: ${expr}`)
  assert.ok(readQuery('sum by (a (rate(b[1m]))').errors > 0)
  assert.ok(queries.length >= 13)
})

test('every panel asks for metrics and labels that a run exposes', async (t) => {
  const bench = startCli(t, [
    ...['bench', 'introspection', '--set', 'tls=1.2,1.3', '--load', 'open', '--rate', '50'],
    ...['--smoke', '--seed', '1', '--results', temporaryFolder(t), '--metrics-prometheus', '0'],
  ])
  await bench.saw(/metrics: http:\S+\n/)
  const url = /metrics: (http:\S+)\n/.exec(bench.output().err)?.[1] ?? ''
  const asked = queries.map(({ expr }) => readQuery(expr))
  const wanted = new Set(asked.flatMap(({ metrics }) => metrics))
  let samples: Sample[] = []
  const missing = () => [...wanted].filter((name) => !samples.some((one) => one.name === name))
  // The first window has told all before the second begins; blocks are told when the run knows its name.
  while (missing().length > 0) {
    const response = await fetch(url).catch(() => null)
    assert.ok(response !== null, `never exposed: ${missing().join(', ')}`)
    samples = parseExposition(await response.text())
    await sleep(pollMs)
  }
  for (const { metrics, labels } of asked) {
    const own = samples.filter(({ name }) => metrics.includes(name))
    const known = new Set(own.flatMap((sample) => Object.keys(sample.labels)))
    for (const label of labels) assert.ok(known.has(label), `${metrics.join(', ')}: ${label}`)
  }
  bench.child.kill('SIGINT')
  await bench.ended
})

/** Leaves the cores to the run. */
const pollMs = 50
