import assert from 'node:assert/strict'
import test from 'node:test'
import { cli, temporaryFolder } from '../cli-testbed.ts'
import type { TargetSettings } from '../targets/settings.ts'
import { rendezvousOf, runIdOf, seatCount, seatIndex } from './seat-options.ts'
import { assertScenario } from './target-scenario.ts'

const seats = [
  ...['bench', '--target', 'http://127.0.0.1:9/pay', '--i-own-this-target', '--rate', '10'],
  ...['--rendezvous', 'redis://127.0.0.1:1', '--seats', '2'],
]
const refused: [string[], string][] = [
  [
    ['bench', '--seats', '2', '--rate', '5', '--rendezvous', 'redis://h'],
    '--seats 2 needs --target',
  ],
  [['bench', 'tls', '--run-id', 'a'], '--run-id needs --seats'],
  [[...seats, '--seats', '0'], '--seats 0: expected a whole number from 1 to 1000'],
  [[...seats, '--seats', 'many'], '--seats many: expected a whole number from 1 to 1000'],
  [
    [...seats, '--generators', '2'],
    '--generators: seats offer one window to one --target, leave it or --seats out',
  ],
  [
    [...seats, '--curve'],
    '--curve: seats offer one window to one --target, leave it or --seats out',
  ],
  [[...seats, '--load', 'churn'], '--load churn: seats offer --load open, leave one out'],
  [
    [...seats, '--connections', '1'],
    '--connections 1: 2 seats need one each, of all seats together',
  ],
  [[...seats, '--rendezvous', 'http://h'], '--rendezvous: not the URL of a Redis, expected redis:'],
  [
    [...seats, '--rendezvous', 'redis://:s3cret@h'],
    '--rendezvous: a password that all users of this machine could read here, give TRUSTBENCH_REN',
  ],
  [[...seats, '--run-id', 'a b'], '--run-id: expected up to 64 letters, digits, dots, dashes'],
  [[...seats, '--tolerate-missing', '-1'], '--tolerate-missing -1: expected a whole number'],
  [
    [...seats, '--rendezvous-password-file', '/nowhere'],
    '--rendezvous-password-file /nowhere: cannot be read (ENOENT)',
  ],
  [
    [...seats, '--target', 'http://127.0.0.1:9/other'],
    '--seats 2: seats load one --target, 2 are named',
  ],
  [
    [...seats, '--target', 'http://127.0.0.1:9/pay?a'].filter(
      (word) => word !== '--rate' && word !== '10',
    ),
    '--seats 2: seats load one --target, 2 are named',
  ],
  [['bench', 'tls', ...seats.slice(1)], 'tls: needs an https:// target, or another scenario'],
  [['seat', '--index', '0', '--rendezvous', 'redis://h'], '--run-id: missing; give the one that'],
  [['seat', '--run-id', 'a', '--rendezvous', 'redis://h'], '--index: missing; give the number of'],
  [['seat', '--run-id', 'a', '--index', '0'], '--rendezvous: missing; give redis://HOST:PORT'],
  [
    ['seat', '--run-id', 'a', '--index', 'x', '--rendezvous', 'redis://h'],
    '--index x: expected a whole number from 0 to 999',
  ],
]
for (const [argv, message] of refused) {
  test(`exit 64: ${argv.join(' ')}`, async (t) => {
    const folder = ['--results', temporaryFolder(t)]
    const { exitCode, out, err } = await cli([...argv, ...folder])
    assert.deepEqual([exitCode, out, err.trimEnd().split('\n').length], [64, '', 1], err)
    assert.ok(err.startsWith(`trustbench: ${message}`), err)
    assert.ok(!err.includes('s3cret'))
  })
}

test('another host is sent no more than its cap, by however many seats', async (t) => {
  const argv = seats.map((word) => word.replace('127.0.0.1:9/', 'gw.example/'))
  const { exitCode, err } = await cli([...argv, '--rate', '5000', '--results', temporaryFolder(t)])
  assert.equal(exitCode, 64)
  assert.match(err, /5,000 requests\/s to gw\.example: at most 1,000 are sent/)
})

test('200 seats are no leave to open 200 connections to another host', async (t) => {
  const argv = seats.map((word) => word.replace('127.0.0.1:9/', 'gw.example/'))
  const { exitCode, err } = await cli([...argv, '--seats', '200', '--results', temporaryFolder(t)])
  assert.equal(exitCode, 64)
  assert.match(err, /200 connections to gw\.example: at most 64 are opened to a target/)
})

const https: TargetSettings = { url: 'https://gw.example/pay' }
const identity = { cert: 'c', key: 'k' }
const token = { token: { kind: 'env', name: 'T' } } as const
const scenarios: [string, TargetSettings, string | null][] = [
  ['tls', https, null],
  [
    'tls',
    { ...https, ...identity },
    'tls: has no --cert and --key, leave it out or name the scenario that has',
  ],
  ['mtls', { ...https, ...identity }, null],
  ['mtls', https, 'mtls: needs --cert and --key, or another scenario'],
  ['jwt', { ...https, issuer: 'https://login.example' }, null],
  ['jwt', https, 'jwt: needs a token: --issuer, --token-url or --token-file, or another scenario'],
  ['combined', { ...https, ...identity, ...token }, null],
  ['combined', { ...https, ...token }, 'combined: needs --cert and --key, or another scenario'],
  [
    'combined',
    { ...https, ...identity },
    'combined: needs a token: --issuer, --token-url or --token-file, or another scenario',
  ],
  [
    'integrations',
    https,
    'integrations: beside --target a scenario says which credentials are meant, expected http, tls, mtls, jwt, introspection, combined',
  ],
]
for (const [name, settings, message] of scenarios) {
  test(`${name} beside a target: ${message ?? 'is what was given'}`, () => {
    if (message === null) assertScenario(name, settings)
    else
      assert.throws(
        () => {
          assertScenario(name, settings)
        },
        { code: 'usage', message },
      )
  })
}

test('what the environment gives: where Redis is, with its password, and which seat this is', () => {
  const url = 'redis://:s3cret@10.0.0.5'
  assert.deepEqual(rendezvousOf({}, { TRUSTBENCH_RENDEZVOUS: url }), {
    url,
    password: null,
    ca: null,
  })
  // The password of one Redis is not sent to another.
  assert.deepEqual(rendezvousOf({ rendezvous: 'redis://h' }, { TRUSTBENCH_RENDEZVOUS: url }), {
    url: 'redis://h',
    password: null,
    ca: null,
  })
  assert.equal(seatIndex(undefined, { JOB_COMPLETION_INDEX: '7' }), 7)
  assert.equal(seatIndex('3', { JOB_COMPLETION_INDEX: '7' }), 3)
  assert.equal(seatCount('auto'), 'auto')
  assert.match(runIdOf({}), /^[0-9a-f]{8}$/)
})
