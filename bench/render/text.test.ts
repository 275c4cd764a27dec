import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { summarise } from '../analysis/summary.ts'
import {
  combinedArms,
  idOf,
  syntheticRun,
  tlsSettings,
  type SyntheticArm,
} from '../analysis/testdata.ts'
import type { Run } from '../results.ts'
import { TEXT_WIDTH } from './table.ts'
import { renderRun } from './text.ts'

const plain = { color: false } as const
const render = (run: Run, options: { color: boolean } = plain) =>
  renderRun(run, summarise(run), options)

test('a run reads as this table', () => {
  assert.equal(render(syntheticRun({ arms: combinedArms() })), GOLDEN)
})

suite('what must not mislead', () => {
  test('a smoke run says so before everything else', () => {
    const run = syntheticRun({
      arms: combinedArms(),
      blocks: 1,
      rounds: 1,
      saturationRequests: 0,
      overrides: { mode: 'smoke' },
    })
    const told = render(run)
    assert.match(
      told,
      /^warning: this run proves that everything works; its figures mean nothing\n/,
    )
    assert.match(told, /One block has no interval/)
    assert.doesNotMatch(told, /costs .* CPU per request/)
    // Neither requests/s nor p99 was measured.
    assert.match(told, /^combined +\d+ +\+\d+ ×[\d.]+ +[\d,]+ +– +[\d,]+ +–$/m)
    assert.match(told, /p99 – : fewer than 1,000 samples\./)
  })

  test('a run that ended early says so first, and how many blocks failed', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 9 })
    const [first, ...others] = run.blocks
    assert.ok(first !== undefined)
    const told = render({
      ...run,
      complete: false,
      incompleteReason: 'arm jwt died: killed by SIGKILL',
      blocks: [...others, { ...first, outcome: 'failed', reason: 'arm jwt died' }],
    })
    assert.match(told, /^warning: the run ended early \(arm jwt died: killed by SIGKILL\)/)
    assert.match(told, /warning: 1 of 9 blocks failed and is in no figure/)
    assert.match(told, /99\.2 % interval over 8 blocks/)
  })

  test('an arm that failed keeps its row, empty, with the reason below', () => {
    const arms = combinedArms().map((arm) =>
      arm.scenario === 'jwt'
        ? ({ ...arm, outcome: 'failed', reason: 'must be refused and was not: J1 (200)' } as const)
        : arm,
    )
    const told = render(syntheticRun({ arms }))
    assert.match(told, /^jwt +– +– +– +– +–$/m)
    assert.match(told, /^jwt failed: must be refused and was not: J1 \(200\)$/m)
    assert.doesNotMatch(told, /JWT verification/)
  })

  test('figures that are the client’s are marked, and only those', () => {
    const told = render(syntheticRun({ arms: combinedArms() }))
    const marked = told
      .split('\n')
      .filter((line) => /\d\*/.test(line))
      .map((line) => line.split(' ')[0])
    assert.deepEqual(marked, ['tls', 'mtls', 'reference'])
    assert.match(told, /^\* the client was the limit/m)
    const free = render(syntheticRun({ arms: [{ scenario: 'jwt', cpuUs: 190 }] }))
    assert.doesNotMatch(free, /\*/)
  })

  test('CPU that the authorization server spends is named beside the cost', () => {
    const arms = combinedArms().map((arm) =>
      arm.scenario === 'jwt' ? { ...arm, issuerCpuUs: 225 } : arm,
    )
    const told = render(syntheticRun({ arms, blockSd: 0, sliceSd: 0 }))
    assert.match(told, /^jwt +190\.0 ± 0\.0† /m)
    assert.match(
      told,
      /^† neither here nor in req\/core-s: CPU of the authorization server, jwt 225\.0 ±/m,
    )
  })

  test('rows that differ by a parameter name it, and the common ones stand below', () => {
    const cells = ['p256', 'rsa4096'].map((key): SyntheticArm => ({
      scenario: 'mtls',
      parameters: { ...tlsSettings, key },
      cpuUs: 40,
    }))
    const told = render(syntheticRun({ arms: cells, blocks: 2 }))
    assert.match(told, /^ *CPU µs\/req/m)
    assert.match(told, /^key=p256 /m)
    assert.match(told, /^key=rsa4096 /m)
    assert.match(told, /^all rows that have it: .*connections=8, tls=1\.3$/m)
  })

  test('an A/A says that nothing was found, not that something costs more', () => {
    const twin = 'tls/connections=8#2'
    const told = render(
      syntheticRun({
        arms: [
          { scenario: 'tls', against: twin, cpuUs: 35 },
          { scenario: 'tls', id: twin, role: 'baseline', cpuUs: 35 },
        ],
      }),
    )
    assert.match(told, /vs tls #2/)
    assert.match(told, /^Between tls #1 and tls #2 no difference in CPU per request was found;/m)
  })

  test('text of a foreign file cannot move the cursor or start a line', () => {
    const run = syntheticRun({
      arms: [
        {
          scenario: 'jwt',
          cpuUs: 1,
          outcome: 'failed',
          reason: 'gone\u001b[2J\u0007\nverdict: better',
        },
      ],
      overrides: {
        warnings: [{ code: 'x', message: 'no \u001b[31mpinning', advice: 'a\r\nb' }],
        runId: 'run\u001b]0;title\u0007',
      },
    })
    assert.doesNotMatch(render(run), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    assert.doesNotMatch(render(run), /^verdict/m)
  })
})

suite('how it is printed', () => {
  test('colours only if asked for, and the same text with them', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 8 })
    assert.ok(!render(run).includes('\u001b'))
    const coloured = render(run, { color: true })
    assert.ok(coloured.includes('\u001b['))
    assert.equal(stripVTControlCharacters(coloured), render(run))
  })

  test('the same run gives the same bytes', () => {
    const run = syntheticRun({ arms: combinedArms(), blocks: 8 })
    assert.equal(render(structuredClone(run)), render(run))
  })

  test(`it fits ${TEXT_WIDTH} columns, with no space at the end of a line`, () => {
    for (const run of [syntheticRun({ arms: combinedArms(), blocks: 8 }), wide()]) {
      for (const line of render(run).split('\n')) {
        assert.ok(line.length <= TEXT_WIDTH, `${line.length}: ${line}`)
        assert.equal(line, line.trimEnd())
      }
    }
  })
})

/** Long names, several baselines, every mark, figures of all sizes. */
function wide(): Run {
  const tls = (key: string) => idOf({ scenario: 'tls', parameters: { ...tlsSettings, key } })
  return syntheticRun({
    blockSd: 0.03,
    arms: ['p256', 'rsa4096'].flatMap((key): SyntheticArm[] => [
      {
        scenario: 'introspection',
        parameters: { ...tlsSettings, key, introspectionCache: key === 'p256' ? 'off' : '5s' },
        against: tls(key),
        cpuUs: 1_207,
        issuerCpuUs: 2_254,
      },
      {
        scenario: 'tls',
        parameters: { ...tlsSettings, key },
        against: 'http/connections=8',
        cpuUs: 35,
        clientCpuUs: 50,
      },
      ...(key === 'p256'
        ? [{ scenario: 'http', role: 'baseline', cpuUs: 2.5, clientCpuUs: 3 } as const]
        : []),
    ]),
  })
}

const GOLDEN = `            CPU µs/req             vs tls  req/core-s    req/s       p50 µs       p99 µs
combined       198 ± 4      +163 ± 4 ×5.7       5,060   4,970   1,585 ± 21   2,549 ± 48
tls         34.9 ± 0.5                         28,630  20,460*     385 ± 4*    609 ± 10*
mtls        37.0 ± 0.3   +2.0 ± 0.6 ×1.06      27,030  20,680*     384 ± 4*    609 ± 10*
jwt        190.7 ± 2.0  +155.6 ± 1.9 ×5.5       5,244   5,150   1,527 ± 19   2,439 ± 50
reference   30.1 ± 0.3                         33,180  20,340*     384 ± 3*    614 ± 15*

combined costs 163 ± 4 µs more CPU per request than tls: JWT verification is 95 ± 3 % of it, the
client certificate 1.2 ± 0.4 %; 6 ± 4 µs more than the parts add up to.

± reaches to the farther end of the 99 % interval over 12 blocks, each for its figure alone; that
  of p99 is by bootstrap, its level nominal. × is the median ratio of adjacent slices.
req/core-s = 10⁶ ÷ CPU µs. req/s: autocannon, saturating. CPU, p50 and p99: interleaved slices on
  connections kept open. Both are closed loops, where latency is connections ÷ throughput: compare
  at equal connections only.
* the client was the limit, not the server, which can do more: read req/core-s instead.
all rows that have it: alg=ES256, connections=8, key=p256, tls=1.3, token=jwt
Synthetic CPU, 2 cores, Linux 6.1, Node 26.10.0, OpenSSL 3.5.4, commit 01234567, run run-1
`
