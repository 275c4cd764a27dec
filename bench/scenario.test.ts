import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { BenchError } from './errors.ts'
import { caseId, expand, parseSettings } from './cases.ts'
import type { Hop } from './scenario.ts'
import { findScenario, loadScenarios } from './scenarios.ts'

const all = await loadScenarios(join(import.meta.dirname, '..'))

test('the folder is the registry: a file name is a scenario name', () => {
  assert.deepEqual(
    all.map(({ name }) => name),
    [
      ...['combined', 'dpop', 'http', 'integrations', 'introspection', 'jwt'],
      ...['mtls', 'mtls-gateway', 'mtls-san', 'reference', 'sidecar', 'tls'],
      ...['token-gateway', 'token-issuance'],
    ],
  )
})

test('a case id is derived: sorted parameters, empty ones left out', () => {
  assert.equal(caseId('jwt', { tls: '1.3', alg: 'ES256', serverKey: '' }), 'jwt/alg=ES256/tls=1.3')
})

test('expand makes the Cartesian product of what is set, defaults elsewhere', () => {
  const { parameters, ...jwt } = findScenario('jwt', all)
  const { alg, chain, connections, key, tls } = parameters
  assert.ok(alg && chain && connections && key && tls)
  const few = { ...jwt, parameters: { tls, connections, key, chain, alg } }
  const cases = expand(few, { alg: ['ES256', 'RS256'], tls: ['1.2', '1.3'] })
  // 2 algorithms × 2 versions; connections and key keep their defaults.
  assert.deepEqual(
    cases.map(({ id }) => id),
    [
      'jwt/alg=ES256/chain=2/connections=8/key=p256/tls=1.2',
      'jwt/alg=RS256/chain=2/connections=8/key=p256/tls=1.2',
      'jwt/alg=ES256/chain=2/connections=8/key=p256/tls=1.3',
      'jwt/alg=RS256/chain=2/connections=8/key=p256/tls=1.3',
    ],
  )
})

test('expand ignores settings that a scenario does not declare', () => {
  assert.deepEqual(
    expand(findScenario('http', all), { alg: ['RS256'] }).map(({ id }) => id),
    ['http/connections=8/gateway=node/workers=1'],
  )
})

test('hops begin with the server, pass on to the next, and end in a service', () => {
  for (const { name, server, hops } of all) {
    if (hops === undefined) continue
    assert.equal(hops[0]?.program, server, name)
    assert.equal(new Set(hops.map((hop) => hop.name)).size, hops.length, name)
    for (const [index, { brings, peers, token }] of hops.entries()) {
      const next: Hop | undefined = hops[index + 1]
      assert.equal(brings === null, next === undefined, name)
      // What is brought is asked for, and the other way round.
      if (brings === 'certificate-and-token') assert.equal(next?.peers, 'gateway', name)
      if (brings === 'own-token') assert.equal(next?.token, 'jwt', name)
      if (peers === 'plain') assert.deepEqual([index > 0, token], [true, 'none'], name)
    }
  }
})

test('baselines, parts and servers of every scenario exist', () => {
  for (const { baseline, parts, parameters } of all) {
    if (baseline !== null) findScenario(baseline, all)
    const defaults = Object.fromEntries(
      Object.entries(parameters).map(([name, p]) => [name, p.default]),
    )
    for (const part of parts(defaults)) findScenario(part, all)
  }
})

const bad = [
  ['alg', /--set alg: expected name=value/],
  ['=ES256', /--set =ES256: expected name=value/],
  ['colour=red', /--set colour=red: expected name=value.*alg/],
  ['alg=', /empty value is not allowed, alg takes ES256/],
  ['alg=ES256,XX', /XX is not allowed, alg takes ES256, ES384/],
  ['connections=0', /0 is not allowed/],
  ['connections=-1', /-1 is not allowed/],
  ['connections=1e9', /1e9 is not allowed/],
] as const

for (const [argument, message] of bad) {
  test(`--set ${argument} is refused with exit code 64 and one line`, () => {
    assert.throws(
      () => parseSettings([argument], all),
      (error) => {
        assert.ok(error instanceof BenchError)
        assert.equal(error.code, 'usage')
        assert.match(error.message, message)
        assert.ok(!error.message.includes('\n'))
        return true
      },
    )
  })
}

test('a parameter set twice is refused', () => {
  assert.throws(() => parseSettings(['alg=ES256', 'alg=RS256'], all), /alg is set twice/)
})

test('values named twice count once', () => {
  assert.deepEqual(parseSettings(['alg=ES256,ES256,RS256'], all), { alg: ['ES256', 'RS256'] })
})

test('an unknown scenario is answered with the nearest name', () => {
  assert.throws(
    () => findScenario('combind', all),
    /unknown scenario "combind": did you mean combined\?/,
  )
  assert.throws(
    () => findScenario('zzzzzzzz', all),
    /unknown scenario "zzzzzzzz": there are combined, dpop, http/,
  )
})
