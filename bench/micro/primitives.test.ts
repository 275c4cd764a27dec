import 'reflect-metadata'
import assert from 'node:assert/strict'
import test from 'node:test'
import { certificatePrimitives } from './certificates.ts'
import { exchangePrimitives } from './exchanges.ts'
import type { Primitive } from './primitive.ts'
import { startPrimitives } from './process.ts'
import { tokenPrimitives } from './tokens.ts'

// A primitive that fails early is a quick one: each must do what its name says.

const never = new AbortController().signal
const find = (primitives: readonly Primitive[], id: string) => {
  const found = primitives.find((one) => one.id === id)
  assert.ok(found, id)
  return found
}

test('tokens: every signature is good, every verifier accepts, in each algorithm', async () => {
  const primitives = await tokenPrimitives()
  const signatures = primitives.filter(({ id }) => id.startsWith('signature '))
  assert.equal(signatures.length, 5 * 3)
  for (const { id, run } of signatures) assert.equal(await run(), true, id)
  const tokens = primitives.filter(({ id }) => id.startsWith('JWT '))
  assert.equal(tokens.length, 5 * 5)
  for (const { id, run } of tokens) {
    const verified = (await run()) as { payload?: object }
    const claims = verified.payload ?? verified
    assert.equal((claims as { client_id?: unknown }).client_id, 'acme-billing', id)
  }
})

test('tokens: the header is read, the key found, the cache hit', async () => {
  const primitives = await tokenPrimitives()
  const bearer = find(primitives, 'token: read the Authorization header').run()
  assert.match(String(bearer), /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/)
  const [header, claims] = find(primitives, 'token: parse header and claims as JSON').run() as [
    { alg: string },
    { sub: string },
  ]
  assert.deepEqual([header.alg, claims.sub], ['ES256', 'acme-billing'])
  const key = (await find(primitives, 'token: look up its key in the key set').run()) as CryptoKey
  assert.equal(key.type, 'public')
  const cached = (await find(primitives, 'token: found in the cache').run()) as object
  assert.ok('token' in cached)
})

test('certificates: chains check, signatures verify, guards let the good caller pass', async () => {
  const primitives = await certificatePrimitives()
  assert.deepEqual(find(primitives, 'certificate: check of a chain of 2').run(), [true, true])
  assert.equal(find(primitives, 'CRL of 20,000: look up a serial number').run(), false)
  const serials = find(primitives, 'CRL of 20,000: read all serial numbers').run() as string[]
  assert.equal(serials.length, 20_000)
  for (const { id, run } of primitives.filter((one) => one.id.startsWith('guard:')))
    assert.equal(run(), null, id)
  const verified = primitives.filter(({ id }) => id.startsWith('handshake: verify'))
  assert.equal(verified.length, 5)
  for (const { id, run } of verified) assert.equal(run(), true, id)
  const secrets = primitives.filter(({ id }) => id.startsWith('handshake: key agreement'))
  assert.deepEqual(
    secrets.map(({ run }) => (run() as Buffer).length),
    [32, 32],
  )
})

test('exchanges: each gets its whole answer from the peer', async () => {
  const { primitives, close } = await exchangePrimitives()
  try {
    for (const id of ['exchange: TCP', 'exchange: TLS']) {
      for (let round = 0; round < 3; round++) await find(primitives, id).run()
    }
    const asked = find(primitives, 'exchange: HTTPS by the introspection client, 8 at once').run()
    const answers = (await asked) as { status: number; body: string }[]
    assert.equal(answers.length, 8)
    for (const { status, body } of answers) {
      assert.equal(status, 200)
      assert.equal((JSON.parse(body) as { active: unknown }).active, true)
    }
    const read = find(primitives, 'token: read an introspection answer').run() as object
    assert.ok('token' in read)
  } finally {
    await close()
  }
})

test('the process of primitives lists them, and measures those asked for in their order', async () => {
  await using running = await startPrimitives(null, never)
  assert.ok(running.ids.length > 60)
  const ids = ['guard: scope', 'JWT ES256: jose, key set']
  const seen: string[] = []
  await running.measure(ids, 5, (reading) => {
    seen.push(reading.id)
    assert.ok(reading.calls >= 15 && reading.cpuUsPerCall > 0 && reading.wallP50UsPerCall > 0)
  })
  assert.deepEqual(seen, ids)
  await assert.rejects(
    running.measure(['no such thing'], 5, () => undefined),
    { code: 'measurement-failed', message: 'primitives: there is no primitive no such thing' },
  )
})

test('an interrupt ends the process of primitives, and what waits for it', async () => {
  const interrupt = new AbortController()
  await using running = await startPrimitives(null, interrupt.signal)
  const measuring = running.measure(running.ids, 50, () => {
    interrupt.abort(new Error('enough'))
  })
  await assert.rejects(measuring, { code: 'measurement-failed', message: /ended with SIGKILL/ })
})
