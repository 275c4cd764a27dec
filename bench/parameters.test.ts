import assert from 'node:assert/strict'
import test from 'node:test'
import type { RunEnvelope } from './analysis/envelope-schema.ts'
import { startCli, temporaryFolder } from './cli-testbed.ts'
import { noPostgres, noRedis, startPostgres, startRedis } from '../servers/database-testbed.ts'

// Each parameter does what its name says, seen from outside: a smoke run of real servers, whose counts are
// checked against the client's in every slice.

async function smoke(t: test.TestContext, words: string[], env: Record<string, string> = {}) {
  const run = ['bench', ...words, '--smoke', '--json', '--seed', '1']
  const { exitCode, out, err } = await startCli(t, [...run, '--results', temporaryFolder(t)], {
    env: { ...process.env, ...env },
  }).ended
  return { exitCode, err, cases: exitCode === 0 ? (JSON.parse(out) as RunEnvelope).cases : [] }
}

const bytes = (cases: RunEnvelope['cases'], name: string, value: string) =>
  cases.find(({ scenario, parameters }) => scenario === name && parameters['bodyBytes'] === value)
    ?.metrics.bytesPerRequest?.estimate ?? 0

test('bodyBytes: answers are so much longer, on every server', async (t) => {
  const { exitCode, err, cases } = await smoke(t, ['http', 'tls', '--set', 'bodyBytes=256,65536'])
  assert.equal(exitCode, 0, err)
  for (const name of ['http', 'tls'])
    assert.equal(
      // 3 digits more in Content-Length: 65536 instead of 256 has two.
      bytes(cases, name, '65536') - bytes(cases, name, '256'),
      65_536 - 256 + 2,
    )
})

test('workers: connections and counts of several processes are those of one server', async (t) => {
  const { exitCode, err, cases } = await smoke(t, ['mtls', '--set', 'workers=1,2'])
  assert.equal(exitCode, 0, err)
  const [one, two] = ['1', '2'].map((count) =>
    cases.find(
      ({ scenario, parameters }) => scenario === 'mtls' && parameters['workers'] === count,
    ),
  )
  assert.ok(one?.preflight && two?.preflight)
  assert.deepEqual([two.preflight.refused, two.preflight.handlerCalls], [one.preflight.tried, 0])
  const rss = (trial: typeof one) => trial.metrics.rssBytes?.estimate ?? 0
  assert.ok(rss(two) > 1.7 * rss(one), `${rss(two)} and ${rss(one)} bytes`)
})

test('clients: fifty, each with a certificate, a tenant and a token of its own', async (t) => {
  const words = ['mtls', 'jwt', 'combined', 'mtls-san', '--set', 'clients=50']
  const closed = await smoke(t, words)
  assert.equal(closed.exitCode, 0, closed.err)
  const measured = closed.cases.filter(({ role }) => role === 'case')
  assert.deepEqual(
    measured.map(({ outcome }) => outcome),
    ['measured', 'measured', 'measured', 'measured'],
  )
  // New connections resume the session of their own client: one of another would be refused.
  const churn = ['mtls', '--set', 'clients=50', '--load', 'churn', '--policy', 'resumed']
  const resumed = await smoke(t, [...churn, '--requests-per-connection', '1'])
  assert.equal(resumed.exitCode, 0, resumed.err)
  assert.equal(resumed.cases[0]?.metrics.resumedShare?.estimate, 1)
})

test('token-issuance: tokens by secret, assertion and certificate, each counted by the server', async (t) => {
  const ways = 'clientAuthentication=secret,private_key_jwt,tls_client_auth'
  const words = ['token-issuance', '--set', ways, '--set', 'token=jwt,opaque']
  const { exitCode, err, cases } = await smoke(t, words)
  assert.equal(exitCode, 0, err)
  const measured = cases.filter(({ scenario }) => scenario === 'token-issuance')
  assert.deepEqual(
    measured.map(({ outcome }) => outcome),
    new Array<string>(6).fill('measured'),
  )
  assert.ok(measured.every(({ metrics }) => (metrics.cpuUsPerRequest?.estimate ?? 0) > 0))
})

test('dpop: a proof for every request, in closed loops, new connections and offered load', async (t) => {
  for (const load of [
    [],
    ['--load', 'churn', '--requests-per-connection', '2'],
    ['--load', 'open', '--rate', '50'],
  ]) {
    const { exitCode, err, cases } = await smoke(t, ['dpop', ...load])
    assert.equal(exitCode, 0, err)
    const trial = cases.find(({ scenario }) => scenario === 'dpop')
    assert.deepEqual([trial?.outcome, trial?.preflight?.handlerCalls], ['measured', 0])
  }
})

test('tokens: a thousand of them, each good', async (t) => {
  const words = ['jwt', 'introspection', 'combined', '--set', 'tokens=1k']
  const { exitCode, err, cases } = await smoke(t, words)
  assert.equal(exitCode, 0, err)
  assert.deepEqual(
    cases.filter(({ role }) => role === 'case').map(({ outcome }) => outcome),
    ['measured', 'measured', 'measured'],
  )
})

test('tokens: more opaque ones than can be fetched are refused', async (t) => {
  const { exitCode, err } = await smoke(t, ['introspection', '--set', 'tokens=100k'])
  assert.notEqual(exitCode, 0)
  assert.match(err, /tokens=100000: opaque tokens are fetched one by one, at most 1000/)
})

for (const [scenario, cache] of [
  ['jwt', 'tokenCache=on'],
  ['introspection', 'introspectionCache=60s'],
] as const) {
  test(`hitRatio: of ${scenario}, by the server's own count of hits`, async (t) => {
    const words = [scenario, '--set', 'hitRatio=0,0.5,1', '--set', cache]
    const { exitCode, err, cases } = await smoke(t, words)
    assert.equal(exitCode, 0, err)
    assert.equal(cases.filter((one) => one.scenario === scenario).length, 3)
  })
}

test('hitRatio without a cache is refused in words', async (t) => {
  const { exitCode, err } = await smoke(t, ['jwt', '--set', 'hitRatio=0.5'])
  assert.equal(exitCode, 64)
  assert.match(err, /hitRatio=0.5: there is no cache to hit, add --set tokenCache=on/)
})

test('issuerLatencyMs: an introspected request waits for the issuer, a cached one does not', async (t) => {
  const words = ['introspection', '--set', 'issuerLatencyMs=50']
  const slow = await smoke(t, words)
  assert.equal(slow.exitCode, 0, slow.err)
  const p50 = (cases: RunEnvelope['cases']) =>
    cases.find(({ scenario }) => scenario === 'introspection')?.metrics.latencyP50Us?.estimate ?? 0
  // Less a timer's millisecond.
  assert.ok(p50(slow.cases) >= 49_000, `${p50(slow.cases)} µs`)
})

test('verifier and tokenBytes: every combination is accepted, and refuses what it must', async (t) => {
  const words = ['jwt', '--set', 'verifier=node,fast-jwt', '--set', 'tokenBytes=8192']
  const { exitCode, err, cases } = await smoke(t, words)
  assert.equal(exitCode, 0, err)
  const tried = cases.filter(({ scenario }) => scenario === 'jwt')
  assert.equal(tried.length, 2)
  for (const { preflight } of tried) assert.equal(preflight?.refused, preflight?.tried)
})

test('store=memory: introspection answers from the issuer’s own memory', async (t) => {
  const { exitCode, err } = await smoke(t, ['introspection', '--set', 'store=memory'])
  assert.equal(exitCode, 0, err)
})

for (const [name, skip, start] of [
  ['redis', noRedis, startRedis],
  ['postgres', noPostgres, startPostgres],
] as const) {
  test(`store=${name}: against a real one, its password in no result`, { skip }, async (t) => {
    await using database = await start()
    const words = ['introspection', '--set', `store=${database.url}`]
    const env = { TRUSTBENCH_STORE_PASSWORD: database.password }
    const { exitCode, err, cases } = await smoke(t, words, env)
    assert.equal(exitCode, 0, err)
    const trial = cases.find(({ scenario }) => scenario === 'introspection')
    assert.equal(trial?.parameters['store'], database.url)
    assert.ok(
      !JSON.stringify(cases).includes(database.password) && !err.includes(database.password),
    )
  })
}

test('a store that is somewhere else, or has its password in the URL, is not taken', async (t) => {
  for (const store of ['redis://10.0.0.1:6379', 'postgres://user:secret@127.0.0.1/db']) {
    const { exitCode, err } = await smoke(t, ['introspection', '--set', `store=${store}`])
    assert.equal(exitCode, 64)
    assert.match(err, /is not allowed, store takes/)
  }
})
