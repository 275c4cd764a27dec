import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { clientsOf } from './clients.ts'
import { withClient } from './placeholders.ts'
import type { RequestSettings } from './settings.ts'
import { countMarks, createWitness } from './witness.ts'

test('the number of a client stands wherever a placeholder is, padded if told', () => {
  const filled: [string, string][] = [
    ['c.pem', 'c.pem'],
    ['{client}.pem', '7.pem'],
    ['c/{client:6}.pem', 'c/000007.pem'],
    ['{client:1}/{client}', '7/7'],
    // Of another word nothing is known.
    ['{clients}', '{clients}'],
  ]
  for (const [text, wanted] of filled) assert.equal(withClient('--cert', text, 7), wanted)
  for (const text of ['{client:0}', '{client:x}', '{client:13}', '{client'])
    assert.throws(() => withClient('--cert', text, 7), {
      code: 'usage',
      message: `--cert: ${text}, expected {client} or, padded, {client:6}`,
    })
})

const file = (path: string) => ({ kind: 'file', path }) as const

test('settings of each client in turn, from the first that is wanted', () => {
  const list = clientsOf({
    cert: '{client}.pem',
    key: '{client:2}.key',
    clientId: 'c-{client}',
    clientSecret: { kind: 'env', name: 'SECRET_{client}' },
    clients: 3,
    firstClient: 8,
    scope: 'read',
  })
  assert.ok(list !== null)
  assert.deepEqual(
    [list.first, list.count, list.ownCertificates, list.ownTokens],
    [8, 3, true, true],
  )
  const last = list.of(2)
  assert.deepEqual(
    [last.cert, last.key, last.clientId, last.clientSecret, last.scope],
    ['10.pem', '10.key', 'c-10', { kind: 'env', name: 'SECRET_10' }, 'read'],
  )
})

test('what differs is what each has of its own', () => {
  const own = (settings: RequestSettings) => {
    const list = clientsOf({ clients: 2, ...settings })
    return [list?.ownCertificates, list?.ownTokens]
  }
  assert.deepEqual(own({ cert: '{client}', key: 'k' }), [true, true])
  assert.deepEqual(own({ cert: '{client}', key: 'k', token: file('t') }), [true, false])
  assert.deepEqual(own({ cert: 'c', key: 'k', token: file('{client}') }), [false, true])
  assert.deepEqual(own({ clientId: '{client}' }), [false, true])
  assert.equal(clientsOf({ cert: 'c', key: 'k' }), null)
})

const wrong: [string, RequestSettings, RegExp][] = [
  ['a placeholder of no client', { cert: '{client}.pem' }, /^--cert \{client\}\.pem: of which/],
  [
    'a first client alone',
    { firstClient: 3 },
    /^--first-client 3: needs --clients or --identities$/,
  ],
  ['clients that are all the same', { clients: 3, cert: 'c' }, /^--clients 3: nothing tells them/],
]
for (const [name, settings, message] of wrong) {
  test(`is refused: ${name}`, () => {
    assert.throws(() => clientsOf(settings), { code: 'usage', message })
  })
}

test('a file of identities: paths from its folder, numbers from its lines', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const write = (text: string) => {
    const path = join(folder, 'clients.jsonl')
    writeFileSync(path, text)
    return path
  }
  const line = (name: string) =>
    JSON.stringify({ cert: `${name}.pem`, key: `${name}.key`, clientId: name })
  const identities = write(`${['a', 'b', 'c'].map(line).join('\n')}\n`)
  const list = clientsOf({ identities, firstClient: 1, clientSecret: file('s-{client}') })
  assert.deepEqual([list?.first, list?.count], [1, 2])
  assert.deepEqual(
    [list?.of(1).cert, list?.of(1).clientId, list?.of(1).clientSecret],
    [join(folder, 'c.pem'), 'c', file('s-2')],
  )
  assert.throws(() => clientsOf({ identities, clients: 3, firstClient: 1 }), {
    code: 'usage',
    message:
      /clients\.jsonl: client 3 is not in it, it has 3 lines and the last wanted is client 3$/,
  })
  for (const text of ['{"clientSecret":"s3cret"}', '{"cert":5}', 's3cret', '{}', '[]']) {
    const bad = write(`${line('a')}\n${text}\n`)
    assert.throws(
      () => clientsOf({ identities: bad }),
      (error: Error) => {
        assert.match(error.message, /clients\.jsonl, line 2: expected one JSON object of cert, key/)
        return !error.message.includes('s3cret')
      },
    )
  }
})

test('a witness counts each once, and those of whom the very same was sent as one', () => {
  const witness = createWitness(['a', 'b', 'a', 'c'])
  for (const client of [0, 0, 2, 1]) witness.saw(client)
  assert.equal(witness.count(), 2)
  witness.saw(3)
  assert.equal(witness.count(), 3)
  const other = createWitness(['d', 'b'])
  for (const client of [0, 1]) other.saw(client)
  // b is one, whichever process sent it.
  assert.equal(countMarks([witness.marks(), other.marks()]), 4)
  assert.equal(countMarks([createWitness(['a']).marks()]), 0)
})
