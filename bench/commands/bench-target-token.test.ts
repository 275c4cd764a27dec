import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { resources } from '../../servers/config.ts'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import { startCli } from '../cli-testbed.ts'
import { createLab, type Lab } from '../lab.ts'
import { createServerStarter, type ServerProcess } from '../processes.ts'
import { expand } from '../cases.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { createTargetBed, serveHttp, type TargetBed } from '../targets/target-testbed.ts'

const root = join(import.meta.dirname, '..', '..')
const path = '/v1/orgs/acme/payments/pay_1001'

/** The authorization server and a resource server of a scenario, as somebody's own. */
async function startOwn(
  t: TestContext,
  name: 'jwt' | 'combined',
  lives: { readonly accessTokenTtlSeconds?: number } = {},
): Promise<{ lab: Lab; server: ServerProcess; url: string; issuerUrl: string }> {
  const [trial] = expand(findScenario(name, await loadScenarios(root)), {})
  assert.ok(trial !== undefined)
  const lab = await createLab({ parameters: trial.parameters })
  const start = createServerStarter(new AbortController().signal)
  t.after(async () => {
    await start[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })
  const launch = async (program: string, config: Parameters<Lab['writeConfig']>[1]) =>
    start.server({ program, configFile: await lab.writeConfig(program, config) })
  const issuer = await launch('authorization', { ...lab.authorizationConfig(), ...lives })
  const issuerUrl = `https://127.0.0.1:${issuer.port}`
  const server = await launch(trial.scenario.server, lab.serverConfig(trial, issuerUrl))
  return { lab, server, url: `https://127.0.0.1:${server.port}${path}`, issuerUrl }
}

const bench = (url: string, folder: string, ...more: string[]) => [
  ...['bench', '--target', url, '--i-own-this-target', '--results', folder, '--json', ...more],
]

test('tokens of 4 s are renewed without one failed request, over several lifetimes and every load', async (t) => {
  // So long that a renewal has time on a machine whose cores are all busy.
  const { lab, server, url, issuerUrl } = await startOwn(t, 'jwt', { accessTokenTtlSeconds: 4 })
  const bed = await createTargetBed(t)
  const bySecret = [
    ...['--ca', lab.caFile, '--issuer', issuerUrl, '--client-id', 'acme-terminal'],
    ...['--client-secret-file', bed.write('secret', lab.secret)],
    ...['--resource', resources.jwt, '--scope', 'payments:read'],
  ]
  // 8 s in lifetimes of less than 4 s.
  const even = ['--load', 'open', '--rate', '150', '--arrivals', 'constant', '--duration', '8s']
  const loads: [string[], number][] = [
    [even, 3],
    [[...even, '--generators', '2'], 3],
    [['--curve', '--smoke', '--generators', '2'], 1],
    [['--budget', '5s', '--quick'], 2],
    [['--load', 'churn', '--requests-per-connection', '1,inf', '--budget', '5s', '--quick'], 2],
  ]
  let refused = 0
  for (const [load, leastTokens] of loads) {
    const results = bed.results()
    const { exitCode, out, err } = await startCli(
      t,
      bench(url, results.folder, ...bySecret, ...load),
    ).ended
    assert.equal(exitCode, 0, err)
    const [trial] = (JSON.parse(out) as RunEnvelope).cases
    const { tokens } = trial?.target ?? {}
    assert.ok((tokens?.fetched ?? 0) >= leastTokens, `${tokens?.fetched ?? 0} tokens`)
    // Whole seconds on the issuer's clock: the last of the four is not counted on.
    assert.deepEqual([tokens?.failures, tokens?.lifetimeMs], [{}, 3_000])
    if (trial?.openLoop != null) {
      assert.deepEqual(
        [trial.openLoop.requests, trial.openLoop.answered, trial.openLoop.errors],
        [1_200, 1_200, {}],
      )
    }
    // The one request without a token, and no other, was refused: by the server's own count.
    refused += 1
    const { responses } = await server.snapshot()
    assert.equal(responses['401'], refused)
    const [file = ''] = results.files()
    const text = readFileSync(join(results.folder, file), 'utf8')
    for (const told of [text, out, err])
      assert.ok(!told.includes(lab.secret) && !told.includes('eyJ'), 'a secret was told')
  }
})

test('by certificate and by private key: bound tokens where certificates decide', async (t) => {
  const { lab, url, issuerUrl } = await startOwn(t, 'combined')
  const bed = await createTargetBed(t)
  const { chainFile, keyFile } = lab.clientFiles
  const mutual = ['--ca', lab.caFile, '--cert', chainFile, '--key', keyFile]
  const token = ['--token-url', `${issuerUrl}/token`, '--resource', resources.jwt]
  const ways: [string, string[], number][] = [
    [
      'tls_client_auth',
      ['--client-id', 'acme-billing-bound', ...token, '--scope', 'payments:read'],
      0,
    ],
    [
      'private_key_jwt, whose token is bound to no certificate',
      [
        ...['--client-id', 'acme-billing', '--issuer', issuerUrl, '--resource', resources.jwt],
        ...['--client-key-file', bed.write('key.json', JSON.stringify(lab.assertionKey))],
      ],
      3,
    ],
  ]
  for (const [name, how, wanted] of ways) {
    const { exitCode, out, err } = await startCli(
      t,
      bench(url, bed.results().folder, '--smoke', ...mutual, ...how),
    ).ended
    assert.equal(exitCode, wanted, `${name}: ${err}`)
    if (wanted !== 0) {
      // The token came, and the server is right to refuse it.
      assert.match(err, /answers 401 where 200 is expected: the credentials are not good enough/)
      continue
    }
    const [trial] = (JSON.parse(out) as RunEnvelope).cases
    // Neither without the token nor without the certificate.
    assert.deepEqual([trial?.preflight?.tried, trial?.preflight?.refused], [2, 2])
  }
})

/** An issuer of t1, t2, … that live 3 s, and a target that notes which it was sent. */
async function startNoting(t: TestContext, before: (asked: number) => Promise<void> | number) {
  const order: string[] = []
  let fetched = 0
  let asked = 0
  const target: RequestListener = (request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? 'none'
    order.push(token)
    response.writeHead(token === 'none' ? 401 : 200).end('fine')
  }
  const issuer: RequestListener = (_request, response) => {
    asked += 1
    void Promise.resolve(before(asked)).then((status) => {
      if (typeof status === 'number') {
        response.writeHead(status).end('no')
        return
      }
      fetched += 1
      const token = { access_token: `t${fetched}`, token_type: 'Bearer', expires_in: 3 }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(token))
    })
  }
  return {
    order,
    url: await serveHttp(t, target),
    tokenUrl: `${await serveHttp(t, issuer)}/token`,
    asked: () => asked,
  }
}

const bySecretOf = (tokenUrl: string) => ['--token-url', tokenUrl, '--client-id', 'me']
/** The secret, and a temporary folder: one machine of its own for each run. */
const inEnvironment = (bed: TargetBed) => ({
  ...process.env,
  TMPDIR: bed.folder,
  TRUSTBENCH_CLIENT_SECRET: 's3cret',
})
const open = ['--load', 'open', '--rate', '100', '--arrivals', 'constant']

test('while an issuer takes its time requests go on with the old token, and the next has the new', async (t) => {
  const bed = await createTargetBed(t)
  const held = { from: 0, until: 0 }
  const noting = await startNoting(t, async (asked) => {
    if (asked !== 2) return
    held.from = noting.order.length
    // 30 requests that did not wait for it.
    while (noting.order.length < held.from + 30) await new Promise(setImmediate)
    held.until = noting.order.length
  })
  const folder = bed.results().folder
  const words = bench(
    noting.url,
    folder,
    ...bySecretOf(noting.tokenUrl),
    ...open,
    '--duration',
    '4s',
  )
  const { exitCode, out, err } = await startCli(t, words, { env: inEnvironment(bed) }).ended
  assert.equal(exitCode, 0, err)
  assert.deepEqual([...new Set(noting.order)], ['t1', 'none', ...tokensFrom(2, noting.order)])
  assert.ok(noting.order.slice(held.from, held.until).every((token) => token === 't1'))
  // Each token from the first request that has it to the last, and never an earlier one again.
  const sent = noting.order.filter((token) => token !== 'none')
  assert.deepEqual(sent, sent.toSorted())
  const [trial] = (JSON.parse(out) as RunEnvelope).cases
  assert.deepEqual([trial?.openLoop?.answered, trial?.target?.tokens?.failures], [400, {}])
  assert.ok(![out, err].some((text) => text.includes('s3cret')))
})

test('a refresh that fails is repeated and told; the run goes on while the token is good', async (t) => {
  const bed = await createTargetBed(t)
  const noting = await startNoting(t, (asked) => (asked === 2 ? 503 : Promise.resolve()))
  const folder = bed.results().folder
  const words = bench(
    noting.url,
    folder,
    ...bySecretOf(noting.tokenUrl),
    ...open,
    '--duration',
    '4s',
  )
  const { exitCode, out, err } = await startCli(t, words, { env: inEnvironment(bed) }).ended
  assert.equal(exitCode, 0, err)
  const { cases, warnings } = JSON.parse(out) as RunEnvelope
  const [reason = '', count] = Object.entries(cases[0]?.target?.tokens?.failures ?? {})[0] ?? []
  assert.match(reason, /^token endpoint http:\/\/127\.0\.0\.1:\d+\/token: answers 503$/)
  assert.equal(count, 1)
  assert.ok(warnings.some(({ code }) => code === 'token-refresh-failed'))
  assert.equal(cases[0]?.openLoop?.answered, 400)
})

test('an issuer that stays away ends the run when the token ends: no request goes without a good one', async (t) => {
  const bed = await createTargetBed(t)
  for (const load of [
    [...open, '--duration', '20s'],
    ['--budget', '20s'],
  ]) {
    const noting = await startNoting(t, (asked) => (asked > 1 ? 503 : Promise.resolve()))
    const results = bed.results()
    const words = bench(noting.url, results.folder, ...bySecretOf(noting.tokenUrl), ...load)
    const { exitCode, err } = await startCli(t, words, { env: inEnvironment(bed) }).ended
    assert.equal(exitCode, 3, err)
    assert.match(err, /the access token expired and there is no other: \d+ × token endpoint .*503/)
    assert.deepEqual([...new Set(noting.order)], ['t1', 'none'])
    // The one of preflight, and no other.
    assert.equal(noting.order.filter((token) => token === 'none').length, 1)
  }
})

test('Ctrl-C while a token endpoint hangs: ended at once, nothing written', async (t) => {
  const bed = await createTargetBed(t)
  const asked = Promise.withResolvers<undefined>()
  const tokenUrl = await serveHttp(t, () => {
    asked.resolve(undefined)
  })
  const results = bed.results()
  const words = bench('http://127.0.0.1:9', results.folder, ...bySecretOf(tokenUrl), '--smoke')
  const cli = startCli(t, [...words, '--timeout', '60s'], { env: inEnvironment(bed) })
  await asked.promise
  cli.child.kill('SIGINT')
  const { exitCode, out } = await cli.ended
  assert.deepEqual([exitCode, out, results.files()], [130, '', []])
})

test('a target that answers without the token is measured, and the row is marked', async (t) => {
  const bed = await createTargetBed(t)
  const url = await serveHttp(t, (_request, response) => {
    response.end('fine')
  })
  const words = bench(
    url,
    bed.results().folder,
    '--smoke',
    '--token-file',
    bed.write('token', 's3cret\n'),
  )
  const { exitCode, out, err } = await startCli(
    t,
    words.filter((word) => word !== '--json'),
  ).ended
  assert.equal(exitCode, 0, err)
  assert.match(out, /warning: \S+ answers 200 without the token: is it checked at all\?/)
  assert.ok(!out.includes('s3cret') && !err.includes('s3cret'))
})

test('a token out of a file is never stored, and must be one', async (t) => {
  const bed = await createTargetBed(t)
  const url = await serveHttp(t, (_request, response) => {
    response.end('fine')
  })
  const payload = Buffer.from(JSON.stringify({ exp: 1 })).toString('base64url')
  const wrong: [string, RegExp, number][] = [
    ['two words', /--token-file: holds no token/, 64],
    ['', /--token-file: \S+ is empty/, 64],
    [`eyJhbGciOiJub25lIn0.${payload}.x`, /--token-file: the token in it has expired/, 3],
  ]
  for (const [text, message, code] of wrong) {
    const results = bed.results()
    const words = bench(url, results.folder, '--smoke', '--token-file', bed.write('token', text))
    const { exitCode, err } = await startCli(t, words).ended
    assert.equal(exitCode, code, err)
    assert.match(err, message)
    assert.deepEqual(results.files(), [])
  }
})

/** Names of the tokens of a list, from the one of a number on, in order. */
function tokensFrom(first: number, order: readonly string[]): string[] {
  return [...new Set(order)]
    .filter((token) => token !== 'none' && Number(token.slice(1)) >= first)
    .sort()
}
