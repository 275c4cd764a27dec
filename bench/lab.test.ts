import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { resources } from '../servers/config.ts'
import { parseAuthorizationConfig, parseServerConfig } from '../servers/config-schema.ts'
import { labSettings } from './lab-settings.ts'
import { createLab } from './lab.ts'
import { fetchToken, revokeToken } from './lab-tokens.ts'
import { startServer } from './processes.ts'
import { expand } from './cases.ts'
import { findScenario, loadScenarios } from './scenarios.ts'

test('settings follow from the parameters, defaults where there are none', () => {
  assert.deepEqual(labSettings({}), {
    version: '1.3',
    caKey: 'p256',
    serverKey: 'p256',
    clientKey: 'p256',
    chain: 2,
    crlEntries: 0,
    algorithm: 'ES256',
    introspectionCacheMs: 0,
    verifier: 'jose',
    tokenCacheMs: 0,
    clients: 1,
    tokens: 1,
    hitRatio: null,
    store: 'sqlite',
    tokenBytes: 0,
    issuerLatencyMs: 0,
    bodyBytes: 0,
    workers: 1,
    ocsp: 'off',
  })
  const settings = labSettings({
    tls: '1.2',
    key: 'rsa2048',
    serverKey: '',
    clientKey: 'ed25519',
    chain: '3',
    crl: '1k',
    alg: 'EdDSA',
    introspectionCache: '5s',
    verifier: 'node',
    tokenCache: 'on',
    clients: '1k',
    hitRatio: '0.5',
    store: 'memory',
    tokenBytes: '1024',
    issuerLatencyMs: '20',
    bodyBytes: '256',
    workers: '2',
  })
  assert.deepEqual(settings, {
    version: '1.2',
    caKey: 'rsa2048',
    serverKey: 'rsa2048',
    clientKey: 'ed25519',
    chain: 3,
    crlEntries: 1_000,
    algorithm: 'EdDSA',
    introspectionCacheMs: 5_000,
    verifier: 'node',
    tokenCacheMs: 60_000,
    clients: 1_000,
    tokens: 1,
    hitRatio: 0.5,
    store: 'memory',
    tokenBytes: 1_024,
    issuerLatencyMs: 20,
    bodyBytes: 256,
    workers: 2,
    ocsp: 'off',
  })
})

test('a value that no parameter takes is wrong use', () => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ key: 'dsa' }, /^key=dsa: not one of p256/],
    [{ clientKey: 'x' }, /^clientKey=x/],
    [{ tls: '1.1' }, /^tls=1.1: not one of 1.2, 1.3/],
    [{ alg: 'none' }, /^alg=none/],
    [{ crl: '5' }, /^crl=5: not one of 0, 1, 1k, 20k, 100k/],
    [{ chain: '4' }, /^chain=4: not one of 1, 2, 3/],
    [{ introspectionCache: 'on' }, /^introspectionCache=on/],
    [{ verifier: 'none' }, /^verifier=none: not one of jose, node, fast-jwt/],
    [{ tokens: '5' }, /^tokens=5: not one of 1, 1k, 100k/],
    [{ hitRatio: '0.5' }, /^hitRatio=0.5: there is no cache to hit/],
    [
      { hitRatio: '0.5', tokenCache: 'on', tokens: '1k' },
      /^hitRatio=0.5: it has tokens of its own/,
    ],
  ]
  for (const [parameters, message] of cases) {
    assert.throws(() => labSettings(parameters), { code: 'usage', message })
  }
})

test('all of a lab lies in one folder that others cannot read, and goes with it', async () => {
  const { folder, files } = await (async () => {
    await using lab = await createLab({ parameters: {} })
    await lab.writeConfig('same', lab.authorizationConfig())
    await lab.writeConfig('same', lab.authorizationConfig())
    assert.equal(statSync(lab.folder).mode & 0o777, 0o700)
    const entries = readdirSync(lab.folder, { recursive: true, withFileTypes: true })
    const found = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
    for (const file of found) assert.equal(statSync(file).mode & 0o777, 0o600, file)
    return { folder: lab.folder, files: found }
  })()
  assert.equal(files.filter((file) => file.includes('same')).length, 2)
  assert.equal(existsSync(folder), false)
})

test('a folder that was given stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
  try {
    const lab = await createLab({ parameters: {}, folder })
    await lab[Symbol.asyncDispose]()
    assert.ok(existsSync(lab.caFile))
    assert.equal(lab.folder, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a lab that cannot be made leaves no folder behind', async (context) => {
  const temporary = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
  const { TMPDIR: usual } = process.env
  process.env['TMPDIR'] = temporary
  context.after(() => {
    if (usual === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = usual
    rmSync(temporary, { recursive: true })
  })
  await assert.rejects(createLab({ parameters: { key: 'dsa' } }), { code: 'usage' })
  assert.deepEqual(readdirSync(temporary), [])
  await using lab = await createLab({ parameters: {} })
  assert.equal(join(lab.folder, '..'), temporary)
})

test('server, good client and chain are what the parameters say', async () => {
  await using lab = await createLab({ parameters: { serverKey: 'rsa2048', clientKey: 'ed25519' } })
  const server = new X509Certificate(lab.server.certificatePem)
  const good = new X509Certificate(readFileSync(lab.clientFiles.certificateFile))
  assert.equal(server.publicKey.asymmetricKeyDetails?.modulusLength, 2_048)
  assert.equal(good.publicKey.asymmetricKeyType, 'ed25519')
  assert.equal(
    server.subjectAltName,
    'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
  assert.equal(good.subjectAltName, 'URI:spiffe://trustbench.test/acme/billing')
  const chain = readFileSync(lab.clientFiles.chainFile, 'utf8')
  assert.equal(chain.match(/BEGIN CERTIFICATE/g)?.length, 2)
  assert.equal(chain.includes(lab.rootPem), false)
})

test('every scenario gets a configuration that its server takes, with what it needs and no more', async () => {
  const expected: Record<string, [tls: boolean, clients: boolean, issuer: boolean, token: string]> =
    {
      http: [false, false, false, 'none'],
      tls: [true, false, false, 'none'],
      mtls: [true, true, false, 'none'],
      jwt: [true, false, true, 'jwt'],
      introspection: [true, false, true, 'opaque'],
      combined: [true, true, true, 'jwt'],
    }
  const scenarios = await loadScenarios(join(import.meta.dirname, '..'))
  await using lab = await createLab({ parameters: {} })
  parseAuthorizationConfig(structuredClone(lab.authorizationConfig()))
  for (const [name, [tls, clients, issuer, token]] of Object.entries(expected)) {
    const [trial] = expand(findScenario(name, scenarios), {})
    assert.ok(trial)
    const config = lab.serverConfig(trial, 'https://127.0.0.1:1')
    parseServerConfig(structuredClone(config))
    assert.deepEqual(
      [config.tls !== null, config.clients !== null, config.issuer !== null, config.token],
      [tls, clients, issuer, token],
      name,
    )
  }
})

test('tokens are fetched as each kind of client would, and opaque ones can be revoked', async () => {
  await using lab = await createLab({ parameters: {} })
  await using issuer = await startServer({
    program: 'authorization',
    configFile: await lab.writeConfig('issuer', lab.authorizationConfig()),
  })
  const url = `https://127.0.0.1:${issuer.port}`
  for (const client of ['acme-billing', 'acme-terminal', 'acme-billing-bound', 'globex-billing']) {
    const token = await fetchToken(lab, url, { client, resource: resources.jwt })
    const claims = decodeJwt(token)
    assert.equal(decodeProtectedHeader(token).kid, lab.signingKeys[0]?.kid)
    assert.deepEqual(
      [claims['client_id'], claims['org_id'], claims['scope'], claims['cnf']],
      [
        client,
        client.startsWith('acme') ? 'acme' : 'globex',
        'payments:read payments:write',
        client.endsWith('bound') ? { 'x5t#S256': lab.good.thumbprintS256 } : undefined,
      ],
    )
  }
  const narrow = { client: 'acme-billing', scope: 'payments:write' }
  const jwt = await fetchToken(lab, url, { ...narrow, resource: resources.jwt })
  assert.equal(decodeJwt(jwt)['scope'], 'payments:write')
  const opaque = await fetchToken(lab, url, { ...narrow, resource: resources.opaque })
  assert.equal(await revokeToken(lab, url, { client: 'acme-billing', token: opaque }), null)
  assert.equal(
    await revokeToken(lab, url, { client: 'acme-billing', token: jwt }),
    'unsupported_token_type',
  )
  await assert.rejects(
    fetchToken(lab, url, { client: 'nobody', resource: resources.jwt }),
    /nobody/,
  )
})
