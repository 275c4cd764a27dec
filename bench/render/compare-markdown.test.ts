import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunComparison } from '../analysis/sides.ts'
import { renderComparisonMarkdown } from './compare-markdown.ts'
import { changeOf, emptyComparison, environment, sideNamed } from './compare-testdata.ts'

test('a comparison as a comment: verdict, what changed first, what is missing, how to measure it again', () => {
  const told = render({
    changes: [
      changeOf('tls/connections=8', 1.001, 0.01),
      changeOf('jwt/alg=ES256/connections=8', 1.052, 0.011),
      { ...changeOf('tls/connections=8', 0.99, 0.04, 'latencyP50Us'), clientLimited: true },
      changeOf('jwt/alg=ES256/connections=8', 0.93, 0.02, 'latencyP50Us'),
    ],
    missing: [{ case: 'dpop/connections=8', reason: 'failed in main: J3 was accepted' }],
    warnings: [{ code: 'steal', message: 'steal of 3 %', advice: 'try an idle machine' }],
  })
  assert.equal(told, golden)
})

test('the verdict comes first, the worst of all first', () => {
  const worse = changeOf('a', 1.1, 0.01)
  const better = changeOf('b', 0.9, 0.01)
  const same = changeOf('c', 1, 0.01)
  const undecided = changeOf('d', 1.02, 0.03)
  const missing = [{ case: 'e', reason: 'gone' }]
  for (const [comparison, headline] of [
    [{ changes: [worse] }, '▲ worse: 1 figure'],
    [{ changes: [better, worse, same] }, '▲ worse: 1 of 3 figures, 1 better, 1 same'],
    [{ changes: [undecided, better] }, '◆ better: 1 of 2 figures, 1 undecided'],
    [{ changes: [same, undecided] }, '○ undecided: 1 of 2 figures, 1 same'],
    [{ changes: [same, same], missing }, '■ same (within ±3 %): all 2 figures, 1 not compared'],
    [{ missing }, 'trustbench: nothing to compare, 1 not compared'],
  ] as const) {
    const [marker, , first] = render(comparison).split('\n')
    assert.deepEqual([marker, first], ['<!-- trustbench -->', `### ${headline}`])
  }
})

test('forced, incomplete and stored comparisons say so', () => {
  const told = render({
    kind: 'stored',
    forced: ['machines differ'],
    before: { ...sideNamed('main', 'b'), complete: false, runId: 'run-1' },
    after: { ...sideNamed('main', 'a'), dirty: true },
    changes: [changeOf('a', 1, 0.01)],
  })
  for (const part of [
    '- **forced** although machines differ',
    '**Incomplete**',
    '| before ÷ ref | after ÷ ref |',
    '÷ ref: divided by',
    'run <code>run-1</code> and <code>20250101T000000Z-aaaaaaaa-live</code>',
    'There were uncommitted changes',
  ]) {
    assert.ok(told.includes(part), part)
  }
})

test('hostile names stay in their cells and are no markup', () => {
  const id = 'jwt/<img src=x>=@everyone|[x](y)`\n# big'
  const told = render({
    changes: [changeOf(id, 1.1, 0.01)],
    missing: [{ case: id, reason: '</details> @everyone\n\n# big' }],
    before: sideNamed('<script>|@everyone', 'b'),
    warnings: [{ code: 'x', message: '<b>', advice: '![x](https://a.example)' }],
    forced: ['<b>'],
  })
  const tags = [...told.matchAll(/<[^>]*>/g)].map(([tag]) => tag)
  assert.deepEqual([...new Set(tags)].sort(), [
    '<!-- trustbench -->',
    '</code>',
    '</details>',
    '</summary>',
    '<code>',
    '<details>',
    '<summary>',
  ])
  assert.doesNotMatch(told, /@|https:|\]\(|`(?!``)(?<!``)/)
  const rows = told.split('\n').filter((line) => line.startsWith('|'))
  assert.deepEqual(
    rows.map((row) => row.split('|').length),
    [8, 8, 8],
  )
  assert.equal(told.split('\n').filter((line) => line.startsWith('#')).length, 1)
})

test('a commit that is none is not checked out', () => {
  const after = { ...sideNamed('x', 'a'), commit: '$(id); rm -rf' }
  assert.ok(!render({ after }).includes('git checkout'))
})

test('below 65,536 characters whatever there is, and what was cut is counted', () => {
  const hostile = '@'.repeat(1_000)
  const ids = Array.from({ length: 1_000 }, (_, index) => `${index}${hostile}`)
  const warning = { code: 'x', message: hostile, advice: hostile }
  const told = renderComparisonMarkdown(
    {
      ...emptyComparison,
      before: { ...sideNamed(hostile, 'b'), runId: hostile },
      after: { ...sideNamed(hostile, 'a'), runId: `${hostile}2` },
      changes: [
        ...ids.map((id) => changeOf(id, 1, 0.01)),
        ...ids.slice(0, 20).map((id) => changeOf(id, 1.1, 0.01)),
      ],
      missing: ids.map((id) => ({ case: id, reason: hostile })),
      forced: ids,
      warnings: ids.map(() => warning),
    },
    {
      reproduce: ['npm', 'run', 'compare', '--', ...ids],
      chartFile: hostile,
      environment: { ...environment, cpuModel: hostile },
    },
  )
  // Room for the link that the workflow appends.
  assert.ok(told.length < 65_536 - 1_000, `${told.length}`)
  const shown = (start: string) => told.split('\n').filter((line) => line.startsWith(start)).length
  const rows = shown('| <code>')
  const cut = `${1_020 - rows} more rows cut to fit into a comment: ${20 - rows} worse, 1000 same.`
  assert.ok(rows > 0 && told.includes(cut), `${rows}`)
  for (const [start, what] of [
    ['- not compared', 'cases that are not compared'],
    ['- warning', 'warnings'],
    ['- **forced**', 'reasons'],
  ] as const) {
    assert.ok(told.includes(`- ${1_000 - shown(start)} more ${what} cut`), what)
  }
})

test('of many rows those that changed are kept', () => {
  const changes = [
    ...Array.from({ length: 500 }, (_, index) => changeOf(`jwt/n=${index}`, 1, 0.01)),
    ...Array.from({ length: 9 }, (_, index) => changeOf(`tls/n=${index}`, 1.1, 0.01)),
  ]
  const lines = render({ changes }).split('\n')
  const rows = lines.filter((line) => line.startsWith('| <code>'))
  assert.ok(rows.slice(0, 9).every((row) => row.includes('**▲ worse**')))
  const cut = 509 - rows.length
  assert.ok(lines.includes(`${cut} more rows cut to fit into a comment: ${cut} same.`))
})

function render(comparison: Partial<RunComparison>): string {
  return renderComparisonMarkdown(
    { ...emptyComparison, ...comparison },
    {
      reproduce: ['npm', 'run', 'compare', '--', '--live', 'b'.repeat(40), 'jwt', 'tls'],
      chartFile: 'comparison-forest.png',
      environment,
    },
  )
}

const golden = `<!-- trustbench -->

### ▲ worse: 1 of 4 figures, 1 better, 1 undecided, 1 same, 1 not compared

<code>main</code> <code>bbbbbbbb</code> → <code>working tree</code> <code>aaaaaaaa</code>

| case | figure | before | after | change | verdict |
| :-- | :-- | --: | --: | :-- | :-- |
| <code>jwt</code> | CPU per request, µs | 100.0 ± 1.0 | 105.2 ± 1.0 | +5.2 % (+4.1 % to +6.3 %) | **▲ worse** |
| <code>jwt</code> | p50 latency, µs | 100.0 ± 1.0 | 93.0 ± 1.0 | -7.0 % (-9.0 % to -5.0 %) | **◆ better** |
| <code>tls</code> | p50 latency, µs † | 100.0 ± 1.0 | 99.0 ± 1.0 | ~ | ○ rules out more than 5.3 % |
| <code>tls</code> | CPU per request, µs | 100.0 ± 1.0 | 100.1 ± 1.0 | +0.1 % (-0.9 % to +1.1 %) | ■ same |

All rows that have it: <code>alg=ES256, connections=8</code>

- not compared: <code>dpop/connections=8</code>, failed in main: J3 was accepted
- warning: steal of 3 % (try an idle machine)

Forest plot: <code>comparison-forest.png</code>

Changes: 99.2 % interval over 16 blocks, all 4 at once. worse and better: all of it is beyond 1 %; same: all of it is within 3 %; ~ neither.
±: 99.2 % interval over 16 blocks, of that figure alone.
†: the client was the limit: this latency is largely the client’s.
Measured on CPU of a test, 2 cores, Linux 6.1, Node 26.10.0, OpenSSL 3.5.4; run <code>20250101T000000Z-aaaaaaaa-live</code>.

<details>
<summary>Reproduce</summary>

\`\`\`sh
git checkout aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
npm ci
npm run compare -- --live bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb jwt tls
\`\`\`

</details>
`
