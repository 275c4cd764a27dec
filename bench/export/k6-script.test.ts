import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import typescript from 'typescript'
import { expand } from '../cases.ts'
import { temporaryFolder } from '../cli-testbed.ts'
import type { Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { k6Plan, type K6Issuer, type K6Plan } from './k6-plan.ts'
import { k6Script } from './k6-script.ts'
import { createK6Stub } from './k6-testbed.ts'

const root = join(import.meta.dirname, '..', '..')
const scenarios = await loadScenarios(root)
const load = {
  ...{ ratePerSecond: 500, durationSeconds: 300, sloP99Ms: 25 },
  ...{ errorShare: 0.001, seats: 4 },
}

function planOf(
  scenario: Scenario,
  { target = null, issuer = {} }: { readonly target?: URL | null; readonly issuer?: K6Issuer } = {},
): K6Plan {
  const [trial] = expand(scenario, {})
  assert.ok(trial)
  return k6Plan(trial, { target, issuer, load })
}

const scriptOf = (name: string, wishes?: Parameters<typeof planOf>[1]) =>
  k6Script(planOf(findScenario(name, scenarios), wishes))

// As k6 documents it: its types leave the global out.
const webCrypto = `declare const crypto: {
  randomUUID(): string
  subtle: {
    digest(algorithm: string, data: Uint8Array): Promise<ArrayBuffer>
    sign(algorithm: { name: string; hash: { name: string } }, key: object, data: Uint8Array): Promise<ArrayBuffer>
    generateKey(
      algorithm: { name: string; namedCurve: string },
      extractable: boolean,
      usages: string[],
    ): Promise<{ privateKey: object; publicKey: object }>
    exportKey(format: 'raw', key: object): Promise<ArrayBuffer>
  }
}`

/** What TypeScript finds wrong with a script, by the types of k6. */
function faultsOf(t: TestContext, scripts: Readonly<Record<string, string>>): string[] {
  const folder = temporaryFolder(t)
  const files = Object.entries(scripts).map(([name, script]) => {
    const file = join(folder, `${name}.mjs`)
    writeFileSync(file, script)
    return file
  })
  const globals = join(folder, 'globals.d.ts')
  writeFileSync(globals, webCrypto)
  const program = typescript.createProgram([...files, globals], {
    ...{ allowJs: true, checkJs: true, noEmit: true, strict: true, noImplicitAny: false },
    ...{ typeRoots: [join(root, 'node_modules', '@types')], types: ['k6'], skipLibCheck: true },
    ...{ target: typescript.ScriptTarget.ES2022, module: typescript.ModuleKind.ESNext },
    ...{ moduleResolution: typescript.ModuleResolutionKind.Bundler, lib: ['lib.es2022.d.ts'] },
    paths: { 'k6/*': [join(root, 'node_modules/@types/k6/*')] },
  })
  return typescript
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => typescript.flattenDiagnosticMessageText(messageText, ' '))
}

const samples = {
  combined: scriptOf('combined'),
  jwt: scriptOf('jwt', {
    target: new URL('https://gw.example'),
    issuer: { tokenUrl: new URL('https://idp.example/token'), clientId: 'billing', scope: 'read' },
  }),
  http: scriptOf('http'),
  dpop: scriptOf('dpop'),
}

for (const [name, script] of Object.entries(samples)) {
  // --test-update-snapshots writes them anew.
  test(`${name}: the script is the one that is kept`, (t) => {
    const file = join(import.meta.dirname, 'golden', `${name}.js.txt`)
    t.assert.fileSnapshot(script, file, { serializers: [String] })
  })

  test(`${name}: the script is a module that Node reads`, (t) => {
    const file = join(temporaryFolder(t), `${name}.mjs`)
    writeFileSync(file, script)
    execFileSync(process.execPath, ['--check', file])
  })
}

test('scripts use k6 as its types say; a wrong option and a wrong call are found', (t) => {
  assert.deepEqual(faultsOf(t, samples), [])
  const { combined } = samples
  for (const [from, to, message] of [
    ["executor: 'constant-arrival-rate'", "executor: 'constant-arrivals'", /constant-arrivals/],
    ['tlsVersion: {', 'tlsVersions: {', /tlsVersions/],
    ['http.post(', 'http.send(', /'send'/],
  ] as const) {
    const wrong = combined.replace(from, to)
    assert.notEqual(wrong, combined)
    assert.match(faultsOf(t, { wrong }).join(), message)
  }
})

test('a scenario that changes changes its script', () => {
  const combined = findScenario('combined', scenarios)
  const bearer = k6Script(
    planOf({
      ...combined,
      credentials: () => ({ certificate: false, token: 'jwt', bound: false }),
    }),
  )
  assert.ok(samples.combined.includes('tlsAuth:') && !bearer.includes('tlsAuth:'))
  assert.ok(bearer.includes('basic(clientId, clientSecret)'))
  const plain = k6Script(planOf({ ...combined, tls: false }))
  assert.ok(samples.combined.includes('http.TLS_1_3') && !plain.includes('http.TLS_1_3'))
})

test('no text of a user or a scenario is code', async (t) => {
  const hostile =
    '\'"`\\ ${globalThis.pwned = 1}\r\n*/ globalThis.pwned = 2 //\u2028\u0000\ud800é</script>'
  const question = 'Is it\nglobalThis.pwned = 3\u2029globalThis.pwned = 4\rglobalThis.pwned = 5?'
  const script = k6Script(
    planOf(
      { ...findScenario('jwt', scenarios), question },
      {
        target: new URL(`https://gw.example/${hostile}?${hostile}`),
        issuer: {
          tokenUrl: new URL(`https://idp.example/${hostile}`),
          ...{ clientId: hostile, scope: hostile, resource: hostile },
        },
      },
    ),
  )
  const folder = temporaryFolder(t)
  const file = join(folder, 'jwt.mjs')
  // The script as it is, and what it took its settings for.
  writeFileSync(
    file,
    `${script}\nexport const told = { url, tokenUrl, clientId, scope, resource }\n`,
  )
  const user = await createK6Stub(t).load({ file, env: {} })
  assert.deepEqual(user.exported['told'], {
    url: new URL(`https://gw.example/${hostile}?${hostile}`).href,
    tokenUrl: new URL(`https://idp.example/${hostile}`).href,
    ...{ clientId: hostile, scope: hostile, resource: hostile },
  })
  assert.equal(Reflect.get(globalThis, 'pwned'), undefined)
  assert.match(script, /^[\n -~]*$/)
})

test('a secret with signs of its own is encoded as RFC 6749 section 2.3.1 says', async (t) => {
  const file = join(temporaryFolder(t), 'jwt.mjs')
  writeFileSync(file, `${samples.jwt}\nexport const told = basic("a b:ä'", 'x!%(~)*+&')\n`)
  const user = await createK6Stub(t).load({ file, env: {} })
  const told = String(user.exported['told'])
  const pair = Buffer.from(told.replace('Basic ', ''), 'base64').toString()
  assert.equal(pair, 'a+b%3A%C3%A4%27:x%21%25%28~%29%2A%2B%26')
  const [id = '', secret = ''] = pair.split(':')
  const decoded = new URLSearchParams(`id=${id}&secret=${secret}`)
  assert.deepEqual([decoded.get('id'), decoded.get('secret')], ["a b:ä'", 'x!%(~)*+&'])
})

test('the certificate is for the hosts of both URLs', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'combined.mjs')
  writeFileSync(file, samples.combined)
  for (const name of ['client-chain.pem', 'client-key.pem']) writeFileSync(join(folder, name), name)
  const env = {
    TARGET_URL: 'https://[::1]:8443/a?b@c',
    TOKEN_URL: 'https://idp.example:9/token',
    CREDENTIALS: '.',
  }
  const user = await createK6Stub(t).load({ file, env })
  assert.deepEqual(user.options.tlsAuth, [
    { domains: ['::1', 'idp.example'], cert: 'client-chain.pem', key: 'client-key.pem' },
  ])
  // As k6 archive and k6 inspect, which keep and print options, see it.
  const inspected = await createK6Stub(t).load({ file, env: {} })
  assert.deepEqual(inspected.options.tlsAuth, [])
})
