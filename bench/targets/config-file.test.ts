import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { Ajv } from 'ajv'
import { findConfig, loadConfig, parseConfig, requestOf } from './config-file.ts'
import { ConfigSchema } from './config-schema.ts'

const target = { url: 'https://gw.example/pay' }

test('the published schema is the one that is checked; npm run readme mends it', () => {
  const file = join(import.meta.dirname, '..', 'config.schema.json')
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(ConfigSchema)))
  // A schema by the book: editors are strict where Ajv need not be.
  new Ajv({ strict: false, validateSchema: true }).compile(
    JSON.parse(readFileSync(file, 'utf8')) as object,
  )
})

test('what is of all targets is of each, unless it says otherwise; paths are from the file', () => {
  const config = parseConfig(
    {
      targets: [{ ...target, scope: 'own', headers: { b: '2' }, expectStatus: [200, 202] }],
      ca: 'ca.pem',
      scope: 'common',
      headers: { a: '1', 'x-api-key': { env: 'KEY' } },
      clientSecret: { file: 'secrets/client' },
      cpuPid: 7,
      identities: 'clients.jsonl',
      clients: 100,
    },
    'test',
  )
  const [own] = config.targets
  assert.deepEqual(requestOf(config, own ?? {}, '/etc/bench/trustbench.config.json'), {
    ca: '/etc/bench/ca.pem',
    scope: 'own',
    clientSecret: { kind: 'file', path: '/etc/bench/secrets/client' },
    headers: [
      { name: 'a', value: '1' },
      { name: 'x-api-key', value: { kind: 'env', name: 'KEY' } },
      { name: 'b', value: '2' },
    ],
    expectStatus: [200, 202],
    cpuPid: [7],
    identities: '/etc/bench/clients.jsonl',
    clients: 100,
  })
})

const wrong: [string, unknown, RegExp][] = [
  ['nothing', {}, /^test: targets: missing$/],
  ['no target', { targets: [] }, /^test: targets: expected at least one$/],
  ['a target without URL', { targets: [{}] }, /^test: targets\[0\]\.url: missing$/],
  [
    'an unknown option',
    { targets: [target], conections: 8 },
    /^test: conections: no such option, did you mean connections\?$/,
  ],
  [
    'an unknown option of a target',
    { targets: [{ ...target, cretificate: 'x' }] },
    /^test: targets\[0\]\.cretificate: no such option, known are url, name, cert/,
  ],
  [
    'a word that is none of the known',
    { targets: [target], load: 'fast' },
    /^test: load "fast": expected closed, open, churn$/,
  ],
  [
    'a method of authentication',
    { targets: [{ ...target, clientAuth: 'none' }] },
    /^test: targets\[0\]\.clientAuth "none": expected client_secret_basic, client_secret_post/,
  ],
  ['a number as text', { targets: [target], rate: '500' }, /^test: rate "500": expected .*number$/],
  ['a rate of nothing', { targets: [target], rate: 0 }, /^test: rate 0: expected a number > 0$/],
  [
    'a time without unit',
    { targets: [target], duration: '30' },
    /^test: duration "30": expected open: length of a window, as 30s or 5m$/,
  ],
  [
    'a status that is none',
    { targets: [{ ...target, expectStatus: 20 }] },
    /^test: targets\[0\]\.expectStatus 20: expected statuses that are right, from 100 to 599$/,
  ],
  [
    'a secret as text',
    { targets: [target], clientSecret: 's3cret' },
    /^test: clientSecret: expected \{ "file": path \} or \{ "env": variable \}: object$/,
  ],
  [
    'a token as text',
    { targets: [{ ...target, token: 's3cret' }] },
    /^test: targets\[0\]\.token: expected \{ "file": path \} or/,
  ],
  [
    'a secret of two places',
    { targets: [target], token: { file: 'a', env: 'B' } },
    /^test: token: expected \{ "file": path \}/,
  ],
  [
    'a header that is a secret',
    { targets: [{ ...target, headers: { Authorization: 'Bearer s3cret' } }] },
    /^test: targets\[0\]\.headers\.Authorization: a secret, expected \{ "file"/,
  ],
  [
    'a header that is a number',
    { targets: [target], headers: { 'x-n': 5 } },
    /^test: headers\.x-n: expected a value, or \{ "file": path \}/,
  ],
  ['a list', [], /^test: the whole: expected .*object$/],
]
for (const [name, value, message] of wrong) {
  test(`is refused in one line that repeats no secret: ${name}`, () => {
    assert.throws(
      () => parseConfig(value, 'test'),
      (error: Error & { code?: string }) => {
        assert.match(error.message, message)
        assert.equal(error.code, 'usage')
        return !error.message.includes('s3cret') && !error.message.includes('\n')
      },
    )
  })
}

test('the examples are good, and name the schema that is published', async () => {
  const folder = join(import.meta.dirname, '..', '..', 'scripts', 'targets')
  const { config } = await loadConfig(join(folder, 'trustbench.config.json'))
  assert.deepEqual(
    [config.$schema, config.targets[0]?.name, config.clientSecret],
    ['../../bench/config.schema.json', 'gateway', { env: 'BILLING_SECRET' }],
  )
  const typed = await loadConfig(join(folder, 'trustbench.config.ts'))
  assert.equal(typed.config.targets.length, 2)
})

test('files: TypeScript before JSON, and what keeps one from being read', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const write = (name: string, text: string) => {
    const file = join(folder, name)
    writeFileSync(file, text)
    return file
  }
  assert.equal(findConfig(folder), null)
  const json = write('trustbench.config.json', JSON.stringify({ targets: [target] }))
  assert.equal(findConfig(folder), json)
  const typed = write(
    'trustbench.config.ts',
    `const url: string = 'http://localhost:1/'\nexport default { targets: [{ url }] }\n`,
  )
  assert.equal(findConfig(folder), typed)
  assert.deepEqual((await loadConfig(json)).config.targets, [target])
  assert.deepEqual((await loadConfig(typed)).config.targets, [{ url: 'http://localhost:1/' }])
  const bad: [string, string, RegExp][] = [
    ['a.json', '{"clientSecret": s3cret}', /^--config \S+a\.json: is not JSON$/],
    ['b.ts', 'export const config = {}', /^--config \S+b\.ts: has no default export/],
    [
      'c.ts',
      'throw new Error("broken\\nin two")',
      /^--config \S+c\.ts: cannot be run: broken in two$/,
    ],
  ]
  for (const [name, text, message] of bad)
    await assert.rejects(loadConfig(write(name, text)), { code: 'usage', message })
  await assert.rejects(loadConfig(join(folder, 'none.json')), /there is no such file/)
})
