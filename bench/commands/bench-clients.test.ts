import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import test, { type TestContext } from 'node:test'
import { decodeJwt } from 'jose'
import { resources, type RegisteredClient } from '../../servers/config.ts'
import type { Identity } from '../../servers/pki.ts'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import { startCli } from '../cli-testbed.ts'
import { createLab, type Lab } from '../lab.ts'
import { createServerStarter } from '../processes.ts'
import {
  createTargetBed,
  serveHttp,
  serveHttps,
  type TargetBed,
} from '../targets/target-testbed.ts'

// Distinct clients are counted where they arrive: at a server of the test, by serial and by subject.

const many = 24
const numbers = Array.from({ length: many }, (_, client) => client)
const uriOf = (client: number) => `spiffe://trustbench.test/tenant-${client}/billing`
const padded = (client: number) => String(client).padStart(4, '0')

/** What a server saw of its clients. */
function createCensus() {
  const serials = new Set<string>()
  const subjects = new Set<string>()
  let requests = 0
  let foreign = 0
  const listener: RequestListener = ({ socket, headers }, response) => {
    requests += 1
    const certificate = (socket as Partial<TLSSocket>).getPeerX509Certificate?.()
    const token = headers.authorization?.replace('Bearer ', '')
    if (token !== undefined) {
      const { sub = '', cnf } = decodeJwt<{ cnf?: { 'x5t#S256': string } }>(token)
      subjects.add(sub)
      const own = certificate && thumbprintOf(certificate.fingerprint256)
      if (cnf !== undefined && cnf['x5t#S256'] !== own) foreign += 1
    }
    response.end('fine')
  }
  return {
    listener,
    // By connection: one that is there for a moment may carry no request.
    onSecured: (socket: TLSSocket) => {
      const certificate = socket.getPeerX509Certificate()
      if (certificate !== undefined) serials.add(certificate.serialNumber)
    },
    seen: () => [serials.size, subjects.size, foreign],
    requests: () => requests,
  }
}

function thumbprintOf(fingerprint: string): string {
  return Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url')
}

/** So many clients with certificates in files, of which a server asks them. */
async function startMutual(t: TestContext) {
  const bed = await createTargetBed(t)
  const identities = await Promise.all(
    numbers.map((client) =>
      bed.root.issue({
        kind: 'client',
        key: 'p256',
        commonName: `c${client}`,
        uris: [uriOf(client)],
      }),
    ),
  )
  writeIdentities(bed, identities)
  const census = createCensus()
  const url = await serveHttps(t, bed.server, census.listener, {
    onSecured: census.onSecured,
    requestCert: true,
    ca: bed.root.certificatePem,
  })
  return { bed, census, url, presenting: ['--ca', bed.caFile, ...presenting(bed)] }
}

function writeIdentities({ folder }: TargetBed, identities: readonly Identity[]): void {
  for (const [client, { chainPem, privateKeyPem }] of identities.entries()) {
    writeFileSync(join(folder, `${padded(client)}.pem`), chainPem)
    writeFileSync(join(folder, `${padded(client)}.key`), privateKeyPem, { mode: 0o600 })
  }
}

const presenting = ({ folder }: TargetBed) => [
  ...['--cert', join(folder, '{client:4}.pem'), '--key', join(folder, '{client:4}.key')],
]

async function bench(t: TestContext, bed: TargetBed, url: string, words: readonly string[]) {
  const results = bed.results()
  const own = ['bench', '--target', url, '--i-own-this-target', '--results', results.folder]
  const { exitCode, out, err } = await startCli(t, [...own, ...words]).ended
  return { exitCode, out, err, files: results.files() }
}

/** The same, and what it says of its clients. */
async function measured(t: TestContext, bed: TargetBed, url: string, words: readonly string[]) {
  const { exitCode, out, err } = await bench(t, bed, url, [...words, '--json'])
  assert.equal(exitCode, 0, err)
  const { cases, warnings } = JSON.parse(out) as RunEnvelope
  const target = cases[0]?.target
  return { clients: target?.clients, tokens: target?.tokens, trial: cases[0], warnings }
}

const clients = ['--clients', String(many)]
const open = ['--load', 'open', '--rate', '200', '--arrivals', 'constant', '--duration', '1s']

test('certificates of many clients are all presented, under every load', async (t) => {
  const loads: [string, string[]][] = [
    ['closed', ['--smoke', '--connections', String(many)]],
    ['open', [...open, '--connections', String(many)]],
    ['open, in each block the next of them', [...open, '--connections', '8', '--blocks', '3']],
    ['open, by three generators', [...open, '--connections', String(many), '--generators', '3']],
    ['churn', ['--smoke', '--load', 'churn', '--requests-per-connection', '1', '--policy', 'full']],
    [
      'churn, resumed: each its own session',
      ['--smoke', '--load', 'churn', '--requests-per-connection', '1', '--policy', 'resumed'],
    ],
  ]
  for (const [name, load] of loads) {
    const { bed, census, url, presenting: how } = await startMutual(t)
    const seen = await measured(t, bed, url, [...load, ...how, ...clients])
    const wanted = name === 'churn' ? (seen.clients?.certificates ?? 0) : many
    assert.deepEqual(
      seen.clients,
      { configured: many, first: 0, certificates: wanted, tokens: null },
      name,
    )
    assert.deepEqual(census.seen(), [wanted, 0, 0], name)
    if (name.includes('resumed')) assert.equal(seen.trial?.metrics.resumedShare?.estimate, 1)
  }
})

test('some clients of a range, and a connection too few: told by count, and warned of', async (t) => {
  const { bed, census, url, presenting: how } = await startMutual(t)
  const range = [...how, '--first-client', '10', '--clients', '12']
  const whole = await bench(t, bed, url, [...range, '--smoke', '--connections', '12'])
  assert.equal(whole.exitCode, 0, whole.err)
  const told = whole.out.replaceAll(/\s+/g, ' ')
  assert.match(
    told,
    /12 of 12 distinct clients took part \(numbers 10 to 21\): 12 certificates presented\./,
  )
  assert.deepEqual(census.seen(), [12, 0, 0])
  const idle = await measured(t, bed, url, [...range, '--smoke', '--connections', '5'])
  assert.deepEqual(idle.clients, { configured: 12, first: 10, certificates: 5, tokens: null })
  const warning = idle.warnings.find(({ code }) => code === 'idle-clients')
  assert.match(warning?.message ?? '', /: 5 of 12 clients took part$/)
})

/** The real authorization server with so many clients, known by certificate or by a secret each. */
async function startIssuer(
  t: TestContext,
  clientOf: (client: number, lab: Lab) => Promise<RegisteredClient>,
) {
  const lab = await createLab({ parameters: {} })
  const start = createServerStarter(new AbortController().signal)
  t.after(async () => {
    await start[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })
  const registered = await Promise.all(numbers.map((client) => clientOf(client, lab)))
  // Longer than it takes to fetch those of all.
  const lives = { accessTokenTtlSeconds: 6 }
  const config = { ...lab.authorizationConfig(), clients: registered, ...lives }
  const configFile = await lab.writeConfig('authorization', config)
  const issuer = await start.server({ program: 'authorization', configFile })
  return { lab, issuerUrl: `https://127.0.0.1:${issuer.port}` }
}

const unproven = {
  scope: 'payments:read',
  secretFile: null,
  previousSecretFile: null,
  jwksFile: null,
  sanUri: null,
  boundTokens: false,
  proofBoundTokens: false,
}

test('each of many clients has a token bound to its own certificate, and sends no other', async (t) => {
  const { lab, issuerUrl } = await startIssuer(t, (client) =>
    Promise.resolve({
      ...unproven,
      clientId: `c-${client}`,
      orgId: `tenant-${client}`,
      authentication: 'tls_client_auth',
      sanUri: uriOf(client),
      boundTokens: true,
    }),
  )
  const bed = await createTargetBed(t)
  writeIdentities(
    bed,
    await Promise.all(
      numbers.map((client) =>
        lab.issuing.issue({
          kind: 'client',
          key: 'p256',
          commonName: 'c',
          uris: [uriOf(client)],
        }),
      ),
    ),
  )
  const census = createCensus()
  const url = await serveHttps(t, lab.server, census.listener, {
    onSecured: census.onSecured,
    requestCert: true,
    ca: lab.rootPem,
  })
  const own = [
    ...['--ca', lab.caFile, ...presenting(bed), ...clients, '--connections', String(many)],
    ...['--issuer', issuerUrl, '--client-id', 'c-{client}', '--scope', 'payments:read'],
  ]
  // Tokens of 6 s, used for 5: each is renewed by its own client, and none is missed.
  const words = [...open, ...own, '--duration', '5s', '--resource', resources.jwt]
  const seen = await measured(t, bed, url, words)
  assert.deepEqual(seen.clients, {
    configured: many,
    first: 0,
    certificates: many,
    tokens: many,
  })
  assert.deepEqual([seen.tokens?.failures, seen.tokens?.lifetimeMs], [{}, 5_000])
  assert.ok((seen.tokens?.fetched ?? 0) >= 2 * many)
  assert.deepEqual([seen.trial?.openLoop?.answered, census.seen()], [1_000, [many, many, 0]])
})

test('tokens alone: a few connections carry the requests of all clients, by a file of identities', async (t) => {
  const bed = await createTargetBed(t)
  const secretOf = (client: number) => `secret-of-${client}-${'x'.repeat(32)}`
  const files = numbers.map((client) => bed.write(`secret-${client}`, secretOf(client)))
  const { lab, issuerUrl } = await startIssuer(t, (client) =>
    Promise.resolve({
      ...unproven,
      clientId: `c-${client}`,
      orgId: `tenant-${client}`,
      authentication: 'client_secret_basic',
      secretFile: files[client] ?? '',
    }),
  )
  const lines = files.map((clientSecretFile, client) =>
    JSON.stringify({ clientId: `c-${client}`, clientSecretFile }),
  )
  const census = createCensus()
  const url = await serveHttp(t, census.listener)
  const own = [
    ...['--identities', bed.write('clients.jsonl', lines.join('\n')), '--issuer', issuerUrl],
    ...['--ca', lab.caFile, '--resource', resources.jwt, '--scope', 'payments:read'],
  ]
  const seen = await measured(t, bed, url, [...own, '--smoke', '--connections', '4'])
  assert.deepEqual(seen.clients, { configured: many, first: 0, certificates: null, tokens: many })
  assert.deepEqual(census.seen(), [0, many, 0])

  // The last of them is one that the issuer does not know.
  const stranger = JSON.stringify({ clientId: 'stranger', clientSecretFile: files[0] })
  const before = census.requests()
  const refused = await bench(t, bed, url, [
    ...own.with(1, bed.write('clients.jsonl', [...lines, stranger].join('\n'))),
    '--smoke',
  ])
  assert.deepEqual([refused.exitCode, refused.out, refused.files], [3, '', []])
  assert.match(
    refused.err,
    /^trustbench: client 24: issuer https:\/\/127\.0\.0\.1:\d+\/: answers 401\n$/,
  )
  assert.equal(census.requests(), before)
})

/** What keeps clients from being used is told of the first, before anything is sent. */
test('a client that is not whole: one line with its number, exit code 64, nothing sent', async (t) => {
  const { bed, census, url, presenting: how } = await startMutual(t)
  const file = (name: string) => join(bed.folder, name)
  const own = ['--smoke', '--ca', bed.caFile, '--cert', file('{client:4}.pem')]
  const key = (name: string) => ['--key', file(name)]
  const wrong: [string[], RegExp][] = [
    [
      [...own, ...key('{client:4}.key'), '--first-client', '20', ...clients],
      /client 24: --cert \S+0024\.pem: cannot be read \(ENOENT\)$/,
    ],
    [
      [...own, ...key('0000.key'), ...clients],
      /client 1: --cert, --key: not usable \(key values mismatch\), expected PEM files that belong/,
    ],
    [[...how], /--cert \S+\{client:4\}\.pem: of which clients\? Give --clients$/],
    [[...how, '--clients', '0'], /--clients 0: expected a whole number from 1 to 1000000$/],
    [
      [...how, '--clients', '2', ...open, '--connections', '4', '--generators', '3'],
      /--generators 3: each has clients of its own, and there are 2; give no more/,
    ],
  ]
  for (const [words, message] of wrong) {
    const { exitCode, out, err, files } = await bench(t, bed, url, words)
    assert.deepEqual([exitCode, out, files], [64, '', []], err)
    assert.match(err.trimEnd(), message)
    assert.match(err, /^trustbench: [^\n]+\n$/)
  }
  assert.equal(census.requests(), 0)
})

test('Ctrl-C while tokens of many are fetched: ended at once, nothing written', async (t) => {
  const bed = await createTargetBed(t)
  let asked = 0
  const hangs = Promise.withResolvers<undefined>()
  const tokenUrl = await serveHttp(t, (_request, response) => {
    asked += 1
    if (asked > 10) hangs.resolve(undefined)
    else
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ access_token: `t${asked}`, token_type: 'Bearer', expires_in: 60 }))
  })
  const results = bed.results()
  const cli = startCli(t, [
    ...['bench', '--target', 'http://127.0.0.1:9', '--i-own-this-target', '--smoke'],
    ...['--results', results.folder, '--timeout', '60s', '--clients', '1000'],
    ...['--token-url', tokenUrl, '--client-id', 'c-{client}'],
    ...['--client-secret-file', bed.write('secret', 's3cret')],
  ])
  await hangs.promise
  cli.child.kill('SIGINT')
  const { exitCode, out } = await cli.ended
  assert.deepEqual([exitCode, out, results.files()], [130, '', []])
})
