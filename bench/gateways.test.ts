import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { GatewayProduct } from '../servers/config.ts'
import { noGateway } from '../servers/gateways/gateway-testbed.ts'
import { eventually } from '../servers/gateways/driver.ts'
import { childrenOf, isAlive } from '../servers/gateways/process-tree.ts'
import { cli, startCli, temporaryFolder } from './cli-testbed.ts'
import { caveatOf, gapWarning, obstacleOf, programOf } from './gateways.ts'
import { createLab } from './lab.ts'
import { failuresOf, preflight } from './preflight.ts'
import { startServer } from './processes.ts'
import type { Preflight, Refusal } from './results.ts'
import { expand } from './cases.ts'
import type { Case } from './scenario.ts'
import { findScenario, loadScenarios } from './scenarios.ts'
import { processTree } from './sensors.ts'

const scenarios = await loadScenarios(join(import.meta.dirname, '..'))

function caseOf(scenario: string, settings: Readonly<Record<string, string>>): Case {
  const values = Object.entries(settings).map(([name, value]) => [name, [value]])
  const [trial] = expand(
    findScenario(scenario, scenarios),
    Object.fromEntries(values) as Record<string, string[]>,
  )
  assert.ok(trial !== undefined)
  return trial
}

/** Ids of the rows that did not pass, by what it was. */
function gapsOf({ refusals }: Preflight) {
  const of = (kind: Refusal['gap']) =>
    refusals.flatMap(({ id, gap }) => (gap === kind ? [id] : [])).join(' ')
  return {
    accepted: of('accepted'),
    otherwise: of('refused otherwise'),
    notTried: of('not tried'),
  }
}

const none = { accepted: '', otherwise: '', notTried: '' }

/** What each product, as set up here, does not refuse as it must. */
const rows: [
  gateway: GatewayProduct,
  scenario: string,
  settings: Readonly<Record<string, string>>,
  gaps: Partial<ReturnType<typeof gapsOf>>,
][] = [
  ['nginx', 'tls', { tls: '1.2' }, {}],
  ['haproxy', 'tls', { tls: '1.2' }, {}],
  ['apache', 'tls', { tls: '1.2' }, {}],
  ['nginx', 'mtls', {}, {}],
  ['haproxy', 'mtls', {}, {}],
  ['apache', 'mtls', {}, {}],
  // It resumes no sessions then, so that there is nothing to steal.
  ['nginx', 'mtls', { ocsp: 'on' }, { notTried: 'M8 M9 M11a M11b' }],
  ['nginx', 'jwt', {}, {}],
  ['haproxy', 'jwt', {}, { otherwise: 'J21' }],
  ['apache', 'jwt', {}, { accepted: 'J10', otherwise: 'J21' }],
  ['nginx', 'combined', { alg: 'RS256' }, {}],
  ['haproxy', 'combined', { alg: 'RS256' }, { otherwise: 'J21' }],
  ['apache', 'combined', { alg: 'RS256' }, { accepted: 'J10', otherwise: 'J21' }],
  ['nginx', 'introspection', { introspectionCache: '5s' }, {}],
  // It follows redirects, and asks for no media type.
  ['apache', 'introspection', {}, { accepted: 'I8', otherwise: 'J21 I5 I6 I7' }],
]

for (const [gateway, scenario, settings, gaps] of rows) {
  const about = Object.entries(settings).map((pair) => pair.join('='))
  test(
    `${gateway}, ${[scenario, ...about].join(' ')}: what it refuses, and what not`,
    { skip: noGateway(gateway) },
    async () => {
      const outcome = await preflight(caseOf(scenario, { gateway, ...settings }), startServer)
      const wrong = outcome.refusals.filter(({ passed }) => !passed)
      const told = wrong.map(({ id, expected, outcome: seen }) => `${id}: ${expected}: ${seen}`)
      assert.deepEqual(gapsOf(outcome), { ...none, ...gaps }, told.join('\n'))
      assert.deepEqual(failuresOf(outcome), [])
      assert.match(outcome.product ?? '', /\d+\.\d+\.\d+$/)
      assert.equal(
        outcome.tried - outcome.refused,
        wrong.filter(({ kind }) => kind === 'refuse').length,
      )
    },
  )
}

const installed = (['nginx', 'haproxy', 'apache'] as const).filter(
  (one) => noGateway(one) === false,
)
const nothing = { skip: installed.length === 0 ? 'no gateway is installed' : false }

test('products are measured beside the Node server, in the same blocks', nothing, async (t) => {
  const { exitCode, out, err } = await cli([
    ...['bench', 'mtls', '--gateway', [...installed, 'node'].join(), '--smoke', '--json'],
    ...['--results', temporaryFolder(t)],
  ])
  assert.equal(exitCode, 0, err)
  const { cases } = JSON.parse(out) as {
    cases: {
      parameters: Record<string, string>
      role: string
      outcome: string
      metrics: { cpuUsPerRequest: unknown }
      preflight: { product?: string }
    }[]
  }
  const measured = cases.filter(({ role, outcome }) => role === 'case' && outcome === 'measured')
  assert.deepEqual(measured.map(({ parameters }) => parameters['gateway']).sort(), [
    ...[...installed, 'node'].sort(),
  ])
  for (const { parameters, metrics, preflight: checked } of measured) {
    assert.ok(metrics.cpuUsPerRequest !== null)
    assert.equal(checked.product === undefined, parameters['gateway'] === 'node')
  }
})

test('new connections are full or resumed by the count of the product', nothing, async (t) => {
  const { exitCode, out, err } = await cli([
    ...['bench', 'tls', 'mtls', '--gateway', installed.join(), '--smoke', '--json'],
    ...['--load', 'churn', '--policy', 'full,resumed', '--requests-per-connection', '1,2'],
    ...['--results', temporaryFolder(t)],
  ])
  assert.equal(exitCode, 0, err)
  assert.ok(out.includes('"policy":"resumed"'))
})

test('offered load goes to a product as to a server of ours', nothing, async (t) => {
  const { exitCode, err } = await cli([
    ...['bench', 'jwt', '--gateway', installed.join(), '--smoke', '--load', 'open'],
    ...['--rate', '100', '--duration', '1s', '--results', temporaryFolder(t)],
  ])
  assert.equal(exitCode, 0, err)
})

test('where a product is not here, its cases are skipped with what to install', async (t) => {
  const path = process.env['PATH']
  t.after(() => (process.env['PATH'] = path))
  const absent = 'Envoy is not on the path'
  if (noGateway('envoy') === false) {
    t.skip('Envoy is here')
    return
  }
  const results = temporaryFolder(t)
  const smoke = ['--smoke', '--results', results]
  const both = await cli(['bench', 'tls', '--gateway', 'envoy,node', ...smoke])
  assert.equal(both.exitCode, 0, both.err)
  assert.match(both.out.replaceAll(/\s+/g, ' '), new RegExp(`skipped: ${absent}`))
  const alone = await cli(['bench', 'tls', '--gateway', 'envoy', ...smoke])
  assert.equal(alone.exitCode, 3)
  assert.match(alone.err, new RegExp(absent))
  const verified = await cli(['verify', 'tls', '--gateway', 'envoy'])
  assert.equal(verified.exitCode, 3)
  assert.match(verified.err, new RegExp(absent))
})

test('a gateway that nobody has is refused with the names of those there are', async () => {
  const { exitCode, err } = await cli(['verify', 'tls', '--gateway', 'kong'])
  assert.equal(exitCode, 64)
  assert.match(err, /kong is not allowed, gateway takes node, nginx, haproxy, apache, envoy/)
})

test('the program of a case follows from its gateway; Node asks no OCSP responder', () => {
  assert.equal(programOf(caseOf('mtls', {})), 'mtls')
  assert.equal(programOf(caseOf('mtls', { gateway: 'haproxy' })), 'gateway')
  assert.equal(obstacleOf(caseOf('mtls', {})), null)
  assert.match(obstacleOf(caseOf('mtls', { ocsp: 'on' })) ?? '', /ask no responder/)
})

test('the mark on numbers tells acceptances by name, the rest by id', () => {
  const row = (id: string, gap?: Refusal['gap']): Refusal => ({
    id,
    kind: 'refuse',
    sameAs: [],
    describe: `about ${id}`,
    expected: '401',
    outcome: '401',
    passed: gap === undefined,
    handlerCalls: 0,
    reasons: [],
    ...(gap === undefined ? {} : { gap }),
  })
  const checked: Preflight = {
    controlsPassed: 5,
    tried: 4,
    refused: 1,
    recorded: 0,
    handlerCalls: 1,
    refusals: [
      row('J1'),
      row('J2', 'accepted'),
      row('M1', 'refused otherwise'),
      row('M7', 'not tried'),
    ],
  }
  assert.equal(gapWarning('jwt', checked), null)
  const warning = gapWarning('jwt', { ...checked, product: 'nginx 1.22.1' })
  assert.equal(
    warning?.message,
    'jwt: nginx 1.22.1 as set up here refuses 1 of 4 bad credentials as it must; accepted: J2 (about J2); refused otherwise: M1; not tried: M7',
  )
  const sound = { ...checked, product: 'nginx 1.22.1', refusals: [row('J1')] }
  assert.equal(gapWarning('jwt', sound), null)
  assert.match(
    caveatOf(caseOf('introspection', { gateway: 'apache' }))?.message ?? '',
    /without verifying its certificate/,
  )
  assert.equal(caveatOf(caseOf('jwt', { gateway: 'apache' })), null)
  assert.match(caveatOf(caseOf('sidecar', { gateway: 'apache' }))?.message ?? '', /by name alone/)
  assert.equal(caveatOf(caseOf('sidecar', { gateway: 'nginx' })), null)
})

test('what a product does not refuse is told; what a hop of ours behind it does not keeps it from being measured', () => {
  const row = (id: string): Refusal => ({
    ...{ id, kind: 'refuse', sameAs: [], describe: '', expected: '401', outcome: 'accepted: 200' },
    ...{ passed: false, handlerCalls: 1, reasons: [] },
  })
  const counts = { controlsPassed: 1, tried: 1, refused: 0, recorded: 0, handlerCalls: 1 }
  const behind = { hop: 'service', holds: '', tried: 1, refused: 0, refusals: [row('H5')] }
  const checked: Preflight = { ...counts, refusals: [row('J2')], hops: [behind] }
  const idsOf = (outcome: Preflight) => failuresOf(outcome).map(({ id }) => id)
  assert.deepEqual(idsOf(checked), ['J2', 'H5'])
  assert.deepEqual(idsOf({ ...checked, product: 'nginx 1.22.1' }), ['H5'])
})

for (const gateway of installed) {
  test(`${gateway}: ends with its supervisor, however that ends`, async (t) => {
    const trial = caseOf('tls', { gateway })
    await using lab = await createLab({ parameters: trial.parameters, folder: temporaryFolder(t) })
    const start = async () =>
      startServer({
        program: 'gateway',
        configFile: await lab.writeConfig('gateway', lab.serverConfig(trial, null)),
      })
    const stopped = await start()
    await assert.rejects(stopped.change({ revokedTokens: [] }), /takes over certificates and trust/)
    assert.equal((await stopped.snapshot()).requests, 0)
    const family = [stopped.pid, ...childrenOf(stopped.pid)]
    await stopped.stop()
    assert.ok(await eventually(() => !family.some(isAlive), 1_000))

    await using killed = await start()
    const others = [killed.pid, ...childrenOf(killed.pid)]
    process.kill(parentOf(killed.pid), 'SIGKILL')
    assert.ok(await eventually(() => !others.some(isAlive), 2_000))
    assert.ok(await eventually(() => killed.died.aborted, 2_000))
  })
}

for (const gateway of installed) {
  test(`${gateway}: dead in the middle of a run, and a port that is taken, are told as such`, async (t) => {
    const results = temporaryFolder(t)
    const words = ['bench', 'tls', '--gateway', gateway, '--quick', '--results', results]
    const run = startCli(t, words)
    await run.saw(/block 1 of/)
    // The next block begins with new ones.
    let pid: number | undefined
    const isThere = () => {
      pid = productsBelow(run.child.pid ?? 0)[0]
      return pid !== undefined
    }
    assert.ok((await eventually(isThere, 10_000)) && pid !== undefined)
    process.kill(pid, 'SIGKILL')
    const { exitCode, err } = await run.ended
    assert.equal(exitCode, 3)
    assert.match(
      err.trim().split('\n').at(-1) ?? '',
      /^trustbench: .*ended with (SIGKILL|exit code)/,
    )
    assert.doesNotMatch(err, /CPU cannot be read/)

    await using taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = String(typeof address === 'object' ? address?.port : 0)
    const server = await cli(['server', 'tls', '--set', `gateway=${gateway}`, '--port', port])
    assert.equal(server.exitCode, 3)
    assert.match(server.err, new RegExp(`port 127.0.0.1:${port} is taken: stop the other program`))
    assert.equal(server.err.trim().split('\n').length, 1)
  })
}

/** Products that supervisors below a process have started. */
function productsBelow(pid: number): number[] {
  const below = processTree(pid)
  const isSupervisor = (each: number) => commandOf(each).includes('gateway.ts')
  // One that is asked for its version has no configuration.
  const isProduct = (each: number) => /trustbench-lab(?!.*watchdog)/.test(commandOf(each))
  return below.filter(
    (each) => isProduct(each) && !isSupervisor(each) && isSupervisor(parentOf(each)),
  )
}

/** Empty of one that has ended meanwhile. */
function commandOf(pid: number): string {
  return isAlive(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'latin1') : ''
}

function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // Behind the name in parentheses: state, parent.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}
