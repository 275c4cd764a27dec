import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { resources } from '../../servers/config.ts'
import { expand } from '../cases.ts'
import { temporaryFolder } from '../cli-testbed.ts'
import { BenchError } from '../errors.ts'
import { issuerNeeds, needsIssuer, startCase, type Launch } from '../hops.ts'
import { createLab } from '../lab.ts'
import { createServerStarter } from '../processes.ts'
import type { Case, Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { credentialFiles, k6Plan, type K6Plan } from './k6-plan.ts'
import { k6Script } from './k6-script.ts'
import { createK6Stub, type StubOptions } from './k6-testbed.ts'

// k6 itself is in no registry that CI reaches: scripts run on a stand-in for it, against the real servers.
const scenarios = await loadScenarios(join(import.meta.dirname, '..', '..'))
const load = {
  ...{ ratePerSecond: 100, durationSeconds: 60, sloP99Ms: 100 },
  ...{ errorShare: 0.001, seats: 1 },
}

function caseOf(scenario: Scenario, settings: Record<string, string[]> = {}): Case {
  const [trial] = expand(scenario, settings)
  assert.ok(trial)
  return trial
}

function planOf(trial: Case): K6Plan {
  return k6Plan(trial, { target: null, issuer: {}, load })
}

/** Starts the servers of a case, and loads its script into a stand-in for k6. */
async function exported(t: TestContext, trial: Case, plan = planOf(trial)) {
  const lab = await createLab({ parameters: trial.parameters })
  const start = createServerStarter(new AbortController().signal)
  t.after(async () => {
    await start[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })
  const launch: Launch = async (program, config) =>
    start.server({ program, configFile: await lab.writeConfig(program, config) })
  const issuer = needsIssuer(trial)
    ? await launch('authorization', lab.authorizationConfig(issuerNeeds(trial)))
    : null
  const issuerUrl = issuer === null ? null : `https://127.0.0.1:${issuer.port}`
  const server = await startCase({ trial, lab, issuerUrl, launch })
  const scheme = trial.scenario.tls ? 'https' : 'http'
  const folder = temporaryFolder(t)
  const file = join(folder, `${trial.scenario.name}.js`)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(file, k6Script(plan))
  const stub = createK6Stub(t)
  const options: StubOptions = {
    file,
    caPem: readFileSync(lab.caFile, 'utf8'),
    env: {
      TARGET_URL: `${scheme}://127.0.0.1:${server.port}${plan.request.path}`,
      TOKEN_URL: `${issuerUrl ?? ''}/token`,
      CREDENTIALS: lab.folder,
    },
  }
  return { lab, server, stub, folder, options }
}

const exportable = scenarios.filter((scenario) => {
  try {
    planOf(caseOf(scenario))
    return true
  } catch (error) {
    if (error instanceof BenchError) return false
    throw error
  }
})
// To a client, several hops are as one server.
const single = exportable.filter(({ hops }) => hops === undefined)
const cells: [string, Record<string, string[]>][] = [
  ...single.map(({ name }): [string, Record<string, string[]>] => [name, {}]),
  ['token-gateway', {}],
  ['combined', { token: ['opaque'] }],
  ['jwt', { tls: ['1.2'] }],
  ['tls', { bodyBytes: ['4096'] }],
]
for (const [name, settings] of cells) {
  test(`${name} ${JSON.stringify(settings)}: its script is served by its servers, each virtual user with a connection and a token of its own`, async (t) => {
    const trial = caseOf(findScenario(name, scenarios), settings)
    const { server, stub, options } = await exported(t, trial)
    const [first, second] = [await stub.load(options), await stub.load(options)]
    await first.setup()
    for (const user of [first, second, first, second]) await user.iterate()
    const { handlerCalls, handshakesFull, handshakesResumed } = await server.snapshot()
    // One of the set-up, four iterations.
    assert.equal(handlerCalls, 5)
    if (trial.scenario.tls) assert.deepEqual([handshakesFull, handshakesResumed], [2, 0])
    assert.deepEqual(
      stub.checks.filter(({ passed }) => !passed),
      [],
    )
    const measured = stub.samples.filter(({ tags }) => tags['request'] === 'measured')
    assert.deepEqual(
      measured.map(({ status, failed }) => [status, failed]),
      measured.map(() => [200, false]),
    )
    assert.equal(measured.length, 4)
    const fetched = stub.samples.filter(({ tags }) => tags['request'] === 'token')
    const hasToken = trial.scenario.credentials(trial.parameters).token !== 'none'
    assert.deepEqual(
      fetched.map(({ status }) => status),
      hasToken ? [200, 200] : [],
    )
  })
}

test('scenarios that k6 can stand in for: none is lost by accident', () => {
  assert.deepEqual(
    exportable.map(({ name }) => name),
    [
      ...['combined', 'dpop', 'http', 'introspection', 'jwt', 'mtls', 'mtls-gateway', 'mtls-san'],
      ...['reference', 'sidecar', 'tls', 'token-gateway'],
    ],
  )
})

test('a token is fetched anew ahead of its end, and not before', async (t) => {
  const combined = caseOf(findScenario('combined', scenarios))
  const { server, stub, options } = await exported(t, combined)
  // Tokens of this resource live 2 s: renewed after 70 to 90 % of it, that is 1.4 to 1.8 s.
  const env = { ...options.env, RESOURCE: resources.shortJwt }
  const user = await stub.load({ ...options, env })
  const startMs = Date.now()
  t.mock.timers.enable({ apis: ['Date'], now: startMs })
  for (const atMs of [0, 1_000, 1_399, 1_801, 2_500, 3_700]) {
    t.mock.timers.setTime(startMs + atMs)
    await user.iterate()
  }
  assert.deepEqual(
    stub.samples.map(({ tags }) => tags['request']),
    [
      ...['token', 'measured', 'measured', 'measured'],
      ...['token', 'measured', 'measured'],
      ...['token', 'measured'],
    ],
  )
  assert.equal((await server.snapshot()).handlerCalls, 6)
})

test('another client’s certificate gets no token, and that is a check that fails', async (t) => {
  const combined = caseOf(findScenario('combined', scenarios))
  const { lab, server, stub, folder, options } = await exported(t, combined)
  const stranger = await lab.issuing.issue({
    ...{ kind: 'client', key: 'p256', commonName: 'stranger' },
    uris: ['spiffe://trustbench.test/acme/stranger'],
  })
  mkdirSync(join(folder, 'own'))
  writeFileSync(join(folder, 'own', credentialFiles.certificate), stranger.chainPem)
  writeFileSync(join(folder, 'own', credentialFiles.key), stranger.privateKeyPem)
  const user = await stub.load({ ...options, env: { ...options.env, CREDENTIALS: './own' } })
  await assert.rejects(user.setup, /no token: status 401/)
  await assert.rejects(user.iterate, /no token: status 401/)
  assert.deepEqual(stub.checks.at(-1), {
    name: 'token was issued',
    passed: false,
    tags: { request: 'measured' },
  })
  assert.equal((await server.snapshot()).handlerCalls, 0)
})

test('without a certificate the connection is refused, and the set-up says so', async (t) => {
  const { server, stub, options } = await exported(t, caseOf(findScenario('mtls', scenarios)))
  const { CREDENTIALS: _, ...env } = options.env
  const bare = await stub.load({ ...options, env })
  await assert.rejects(
    bare.setup,
    /CREDENTIALS is not set: give the folder of client-chain.pem, client-key.pem/,
  )
  await bare.iterate()
  assert.deepEqual(
    stub.samples.map(({ status, failed }) => [status, failed]),
    [[0, true]],
  )
  assert.equal((await server.snapshot()).handlerCalls, 0)
})

test('a wrong body and a wrong status are told apart', async (t) => {
  const trial = caseOf(findScenario('jwt', scenarios))
  const longer = caseOf(findScenario('jwt', scenarios), { bodyBytes: ['4096'] })
  const { stub, options } = await exported(t, trial, planOf(longer))
  const user = await stub.load(options)
  await user.iterate()
  const url = options.env['TARGET_URL'] ?? ''
  const env = { ...options.env, TARGET_URL: url.replace('acme', 'globex') }
  const foreign = await stub.load({ ...options, env })
  await assert.rejects(foreign.setup, /the good credential got status 403/)
  await foreign.iterate()
  const told = stub.checks.filter(({ tags }) => tags['request'] === 'measured')
  assert.deepEqual(
    told.map(({ name, passed }) => [name, passed]),
    [
      ['status is 200', true],
      ['body is the expected one', false],
      ['status is 200', false],
      ['body is the expected one', false],
    ],
  )
})

test('what is not set is told before any request', async (t) => {
  const { stub, options } = await exported(t, caseOf(findScenario('jwt', scenarios)))
  for (const [name, message] of [
    ['TARGET_URL', /^TARGET_URL is not set: give the whole URL that is asked, as https:\/\/gw/],
    ['TOKEN_URL', /^TOKEN_URL is not set: give the token endpoint$/],
    ['CLIENT_ID', /^CLIENT_ID is not set: give the registered client$/],
    ['CREDENTIALS', /^CREDENTIALS is not set: give the folder of client-secret$/],
  ] as const) {
    const user = await stub.load({ ...options, env: { ...options.env, [name]: '' } })
    await assert.rejects(user.setup, { message })
  }
  assert.deepEqual(stub.samples, [])
})
