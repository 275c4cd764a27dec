import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { cli, temporaryFolder } from './cli-testbed.ts'

const usage: [string[], RegExp][] = [
  [['bench'], /no scenario named: there are combined, dpop, http/],
  [['bench', 'combind'], /unknown scenario "combind": did you mean combined\?/],
  [
    ['bench', 'tls', '--set', 'tls=1.1'],
    /--set tls=1\.1: 1\.1 is not allowed, tls takes 1\.2, 1\.3/,
  ],
  [['bench', 'tls', '--set', 'alg=RS256'], /--set alg=RS256: expected name=value/],
  [['bench', 'tls', '--quick', '--full'], /--quick and --full: give one of/],
  [['bench', 'tls', '--budget', '5'], /--budget 5: expected a time/],
  [['bench', 'tls', '--precision', '0%'], /--precision 0%: expected a percentage/],
  [['bench', 'tls', '--smoke', '--precision', '1%'], /--smoke measures nothing/],
  [['bench', 'tls', '--against', 'jwt/alg=none'], /not allowed|alg=none/],
  [['bench', 'tls', '--seed', 'x'], /--seed x: expected a whole number/],
  [['bench', 'tls', '--colour'], /unknown option '--colour'/],
  [['server', 'tls', '--port', '70000'], /--port 70000: expected 0 to 65535/],
  [['server', 'tls', '--set', 'key=p256,p384'], /one server runs one case/],
  [['server'], /missing required argument 'scenario'/],
  [['verify', 'tsl'], /did you mean tls\?/],
  [['compare', 'a'], /missing required argument|two runs/],
  [['compare', 'nothing-like-it', 'other'], /no stored run for "nothing-like-it"/],
  [['benhc', 'tls'], /unknown command 'benhc'/],
]
for (const [argv, message] of usage) {
  test(`trustbench ${argv.join(' ')} is wrong use: one line, exit code 64, nothing written`, async (t) => {
    const results = temporaryFolder(t)
    const withFolder = argv[0] === 'bench' || argv[0] === 'compare' ? ['--results', results] : []
    const { exitCode, out, err } = await cli([...argv, ...withFolder])
    assert.equal(exitCode, 64)
    assert.equal(out, '')
    assert.match(err, message)
    assert.equal(err.trimEnd().split('\n').length, 1, err)
    assert.deepEqual(readdirSync(results), [])
  })
}

test('--help has an example and exits 0', async () => {
  for (const command of ['bench', 'compare', 'server', 'size', 'verify']) {
    const { exitCode, out } = await cli([command, '--help'])
    assert.equal(exitCode, 0)
    assert.match(out, /Example:\n {2}npm run /)
  }
})

test('--list names every scenario with its question and its parameters', async () => {
  const { exitCode, out } = await cli(['bench', '--list'])
  assert.equal(exitCode, 0)
  for (const name of ['http', 'tls', 'mtls', 'jwt', 'introspection', 'combined']) {
    assert.match(out, new RegExp(`^${name}\n {2}.+\\?$`, 'm'))
  }
  assert.match(out, /alg=ES256 .*RS256/)
})

test('a truncated and a foreign result file are told by name', async (t) => {
  const results = temporaryFolder(t)
  const truncated = join(results, 'truncated.json')
  writeFileSync(truncated, '{"schema":1,"measuringVersion":')
  const foreign = join(results, 'foreign.json')
  writeFileSync(foreign, '{"name":"something else"}')
  for (const [file, message] of [
    [truncated, /truncated\.json: is not whole JSON/],
    [foreign, /foreign\.json: not a trustbench run/],
  ] as const) {
    const { exitCode, err } = await cli(['compare', file, file, '--results', results])
    assert.equal(exitCode, 3)
    assert.match(err, message)
  }
  assert.ok(existsSync(truncated) && readFileSync(foreign, 'utf8').includes('something else'))
})
