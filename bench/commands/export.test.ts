import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { cli, temporaryFolder } from '../cli-testbed.ts'

test('export writes a script and its manifests, and says how to run them', async (t) => {
  const out = join(temporaryFolder(t), 'mine')
  const { exitCode, out: told, err } = await cli(['export', 'k6', 'combined', '--out', out])
  assert.deepEqual([exitCode, err], [0, ''])
  assert.deepEqual(readdirSync(out).sort(), ['combined.js', 'testrun.yaml'])
  assert.match(
    told,
    /TARGET_URL=https:\/\/gw.example\/\S+ TOKEN_URL=\S+ CREDENTIALS=. k6 run combined.js/,
  )
  assert.match(
    told,
    /kubectl create secret generic trustbench-combined --from-file=client-chain.pem/,
  )
})

test('its folder is named by the scenario among the results; several have one each', async (t) => {
  const results = temporaryFolder(t)
  const first = await cli(['export', 'k6', 'tls', '--results', results])
  assert.equal(first.exitCode, 0, first.err)
  assert.deepEqual(readdirSync(join(results, 'k6', 'tls')).sort(), ['testrun.yaml', 'tls.js'])
  const out = join(results, 'all')
  const several = await cli(['export', 'k6', 'tls', 'jwt', 'tls', '--out', out])
  assert.equal(several.exitCode, 0, several.err)
  assert.deepEqual(readdirSync(out).sort(), ['jwt', 'tls'])
})

test('options are what the script does', async (t) => {
  const out = temporaryFolder(t)
  const { exitCode, err } = await cli([
    ...['export', 'k6', 'combined', '--out', out, '--target', 'https://gw.example'],
    ...['--rate', '500', '--duration', '5m', '--slo', '25ms', '--errors', '1%', '--seats', '4'],
    ...['--token-url', 'https://idp.example/token', '--client-id', 'billing', '--scope', 'read'],
    ...['--resource', 'urn:api', '--set', 'tls=1.2'],
  ])
  assert.equal(exitCode, 0, err)
  const script = readFileSync(join(out, 'combined.js'), 'utf8')
  for (const line of [
    `setting('TARGET_URL', "https://gw.example/v1/orgs/acme/payments/pay_1001")`,
    `setting('TOKEN_URL', "https://idp.example/token")`,
    `setting('CLIENT_ID', "billing")`,
    `setting('SCOPE', "read")`,
    `setting('RESOURCE', "urn:api")`,
    ...['rate: 500,', "duration: '300s',", 'preAllocatedVUs: 25,', 'maxVUs: 100,'],
    ...["['p(99)<=25']", "['rate<=0.01']", "['rate>=0.99']", "['count<=375']"],
    'tlsVersion: { min: http.TLS_1_2, max: http.TLS_1_2 }',
  ])
    assert.ok(script.includes(line), line)
  assert.match(readFileSync(join(out, 'testrun.yaml'), 'utf8'), /^ {2}parallelism: 4$/m)
})

test('what is wrong is one line, exit 64, and nothing is written', async (t) => {
  for (const [args, message] of [
    [['k6', 'combind'], /unknown scenario "combind": did you mean combined\?/],
    [['gatling', 'tls'], /'gatling' is invalid.*Allowed choices are k6/],
    [['k6'], /missing required argument 'scenario'/],
    [['k6', 'tls', 'integrations'], /integrations: every connection is another partner/],
    [['k6', 'tls', '--rate', '0.5'], /--rate 0.5: expected a whole number from 1/],
    [['k6', 'tls', '--slo', '1h'], /--slo 1h: expected 0.1ms to 10s/],
    [['k6', 'tls', '--slo', 'fast'], /--slo fast: expected a time/],
    [['k6', 'tls', '--errors', '2'], /--errors 2: expected a share/],
    [['k6', 'tls', '--seats', '0'], /--seats 0: expected a whole number from 1/],
    [['k6', 'tls', '--duration', '9'], /--duration 9: expected a time from 1s/],
    [['k6', 'tls', '--target', 'gw'], /--target: not a URL/],
    [['k6', 'tls', '--target', 'http://gw.example'], /tls is asked by https:/],
    [['k6', 'tls', '--target', 'https://me:secret@gw.example'], /with a user or password/],
    [['k6', 'jwt', '--token-url', 'http://idp.example/token'], /secrets go over https/],
    [['k6', 'tls', '--set', 'tls=1.2,1.3'], /a script is of one case/],
    [['k6', 'tls', '--set', 'tls=1.1'], /1.1 is not allowed/],
  ] as const) {
    const out = join(temporaryFolder(t), 'out')
    const { exitCode, out: told, err } = await cli(['export', ...args, '--out', out])
    assert.deepEqual([exitCode, told], [64, ''], args.join(' '))
    assert.match(err, message)
    assert.equal(err.trimEnd().split('\n').length, 1, err)
    assert.doesNotMatch(err, /secret@/)
    assert.throws(() => readdirSync(out), { code: 'ENOENT' })
  }
})

test('what stands in the folder stays, and a file that cannot be written leaves all as it was', async (t) => {
  const out = temporaryFolder(t)
  writeFileSync(join(out, 'client-chain.pem'), 'mine')
  writeFileSync(join(out, 'tls.js'), 'old')
  mkdirSync(join(out, 'testrun.yaml'))
  const failed = await cli(['export', 'k6', 'tls', '--out', out])
  assert.equal(failed.exitCode, 3)
  assert.match(failed.err, /cannot write .*testrun.yaml is a folder/)
  assert.deepEqual(readdirSync(out).sort(), ['client-chain.pem', 'testrun.yaml', 'tls.js'])
  assert.equal(readFileSync(join(out, 'client-chain.pem'), 'utf8'), 'mine')
  assert.equal(readFileSync(join(out, 'tls.js'), 'utf8'), 'old')
})
