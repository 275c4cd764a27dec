import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { expand } from '../cases.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { credentialFilesOf, k6Plan, variablesOf, type K6Issuer, type K6Load } from './k6-plan.ts'

const scenarios = await loadScenarios(join(import.meta.dirname, '..', '..'))
const usual: K6Load = {
  ratePerSecond: 100,
  durationSeconds: 60,
  sloP99Ms: 100,
  errorShare: 0.001,
  seats: 1,
}

function plan(
  name: string,
  wishes: {
    readonly set?: Record<string, string[]>
    readonly target?: string
    readonly issuer?: K6Issuer
    readonly load?: Partial<K6Load>
  } = {},
) {
  const { set = {}, target, issuer = {}, load = {} } = wishes
  const [trial] = expand(findScenario(name, scenarios), set)
  assert.ok(trial)
  return k6Plan(trial, {
    target: target === undefined ? null : new URL(target),
    issuer,
    load: { ...usual, ...load },
  })
}

test('credentials follow from the scenario and its parameters', () => {
  const bound = { authentication: 'certificate', clientId: 'acme-billing-bound' }
  const bearer = { authentication: 'secret', clientId: 'acme-terminal' }
  for (const [name, set, certificate, token] of [
    ['http', {}, false, null],
    ['tls', {}, false, null],
    ['mtls', {}, true, null],
    ['mtls-gateway', {}, true, null],
    ['jwt', {}, false, { ...bearer, resource: 'urn:trustbench:payments:jwt' }],
    [
      'dpop',
      {},
      false,
      { ...bearer, clientId: 'acme-terminal-dpop', resource: 'urn:trustbench:payments:jwt' },
    ],
    ['introspection', {}, false, { ...bearer, resource: 'urn:trustbench:payments:opaque' }],
    ['combined', {}, true, { ...bound, resource: 'urn:trustbench:payments:jwt' }],
    [
      'combined',
      { token: ['opaque'] },
      true,
      { ...bound, resource: 'urn:trustbench:payments:opaque' },
    ],
  ] as const) {
    const made = plan(name, { set: { ...set } as Record<string, string[]> })
    assert.equal(made.certificate, certificate, name)
    const { authentication, clientId, resource } = made.token ?? {}
    assert.deepEqual(made.token === null ? null : { authentication, clientId, resource }, token)
  }
})

test('what the user’s own issuer wants is not guessed', () => {
  const tokenUrl = new URL('https://idp.example/token')
  const own = plan('jwt', { issuer: { tokenUrl } })
  assert.deepEqual(own.token, {
    authentication: 'secret',
    url: tokenUrl,
    ...{ clientId: '', scope: '', resource: '', proof: false },
  })
  assert.deepEqual(variablesOf(own), ['TARGET_URL', 'CLIENT_ID', 'CREDENTIALS'])
  const told = plan('jwt', { issuer: { tokenUrl, clientId: 'me', scope: 'read' } })
  assert.deepEqual(variablesOf(told), ['TARGET_URL', 'CREDENTIALS'])
  assert.deepEqual(variablesOf(plan('jwt')), ['TARGET_URL', 'TOKEN_URL', 'CREDENTIALS'])
  assert.deepEqual(variablesOf(plan('tls', { target: 'https://gw.example' })), [])
})

test('files that a script reads', () => {
  assert.deepEqual(credentialFilesOf(plan('tls')), [])
  assert.deepEqual(credentialFilesOf(plan('jwt')), ['client-secret'])
  assert.deepEqual(credentialFilesOf(plan('combined')), ['client-chain.pem', 'client-key.pem'])
})

test('a target without a path is asked for the payment, one with a path of its own for that', () => {
  const body =
    '{"id":"pay_1001","org_id":"acme","amount":"129.95","currency":"EUR","state":"settled"}'
  for (const [target, href, expected] of [
    ['https://gw.example', 'https://gw.example/v1/orgs/acme/payments/pay_1001', body],
    ['https://gw.example:8443/', 'https://gw.example:8443/v1/orgs/acme/payments/pay_1001', body],
    ['https://[::1]/', 'https://[::1]/v1/orgs/acme/payments/pay_1001', body],
    ['https://gw.example/mine?x=1', 'https://gw.example/mine?x=1', null],
    ['https://gw.example/?x=1', 'https://gw.example/?x=1', null],
  ] as const) {
    const { url, request } = plan('mtls', { target })
    assert.deepEqual([url?.href, request.body], [href, expected])
  }
  assert.equal(plan('mtls').url, null)
})

test('virtual users are what Little’s law gives, twice, and at least one a runner', () => {
  for (const [load, preAllocated, most] of [
    // 100/s x 0.1 s = 10
    [{}, 20, 80],
    // 500/s x 0.025 s = 12.5
    [{ ratePerSecond: 500, sloP99Ms: 25 }, 25, 100],
    // 1/s x 0.01 s = 0.01
    [{ ratePerSecond: 1, sloP99Ms: 10 }, 1, 4],
    [{ ratePerSecond: 1, sloP99Ms: 10, seats: 8 }, 8, 32],
  ] as const)
    assert.deepEqual(plan('tls', { load }).virtualUsers, { preAllocated, most })
})

test('requests that are dropped spend the errors of one runner', () => {
  for (const [load, most] of [
    // 100/s x 60 s x 0.001
    [{}, 6],
    [{ seats: 4 }, 1],
    [{ errorShare: 0 }, 0],
    [{ errorShare: 0.5, ratePerSecond: 3, durationSeconds: 1 }, 1],
  ] as const)
    assert.equal(plan('tls', { load }).mostDropped, most)
})

test('what k6 cannot be is one line that says why', () => {
  for (const [name, set, message] of [
    ['integrations', {}, /^integrations: every connection is another partner/],
    ['token-issuance', {}, /^token-issuance: it measures the authorization server itself/],
    ['mtls', { clients: ['50'] }, /^mtls: clients=50: a k6 process has one certificate/],
    ['jwt', { tokens: ['1k'] }, /^jwt: tokens and hitRatio: a k6 script fetches one token/],
    ['jwt', { hitRatio: ['0.5'], tokenCache: ['on'] }, /^jwt: tokens and hitRatio/],
  ] as const) {
    assert.throws(() => plan(name, { set: { ...set } as Record<string, string[]> }), {
      code: 'usage',
      message,
    })
  }
})

test('a target of the other protocol is refused', () => {
  for (const [name, target, message] of [
    ['mtls', 'http://gw.example', /^--target http:\/\/gw.example: mtls is asked by https:/],
    ['http', 'https://gw.example', /^--target https:\/\/gw.example: http is asked by http:/],
  ] as const)
    assert.throws(() => plan(name, { target }), { code: 'usage', message })
})
