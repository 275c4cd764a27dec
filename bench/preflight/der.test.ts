import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alterSessionSecret, childrenOf, elementAt } from './der.ts'

/** SEQUENCE { INTEGER 1, INTEGER 0x304, cipher, session id, master key, INTEGER 7 }, as OpenSSL begins it. */
const secret = Buffer.alloc(48, 0xaa)
const session = sequence([
  Buffer.from('020101', 'hex'),
  Buffer.from('02020304', 'hex'),
  octets(Buffer.from('1302', 'hex')),
  octets(Buffer.alloc(32, 0x11)),
  octets(secret),
  Buffer.from('020107', 'hex'),
])

test('M11a: one bit of the master key is altered and nothing else', () => {
  const altered = alterSessionSecret(session)
  assert.equal(altered.length, session.length)
  const changed = [...session.keys()].filter((index) => altered[index] !== session[index])
  assert.deepEqual(changed, [session.indexOf(secret)])
  assert.equal((altered[changed[0] ?? 0] ?? 0) ^ 0xaa, 1)
})

test("M11a: Node's mark and the server's name before the session are left alone", () => {
  const name = Buffer.from('localhost')
  const mark = Buffer.from('\0nodejs:tls:session:1\0')
  const marked = Buffer.concat([mark, Buffer.from([0, name.length]), name, session])
  const altered = alterSessionSecret(marked)
  const start = marked.length - session.length
  assert.deepEqual(altered.subarray(0, start), marked.subarray(0, start))
  assert.deepEqual(altered.subarray(start), alterSessionSecret(session))
})

test('what is no session of OpenSSL is an error', () => {
  const short = sequence([
    octets(Buffer.alloc(2)),
    octets(Buffer.alloc(2)),
    octets(Buffer.alloc(2)),
  ])
  for (const wrong of [short, sequence([]), sequence([octets(secret)])]) {
    assert.throws(() => alterSessionSecret(wrong), /no SSL_SESSION/)
  }
  assert.throws(() => alterSessionSecret(Buffer.alloc(0)), RangeError)
  assert.throws(() => alterSessionSecret(session.subarray(0, 20)), RangeError)
})

test('lengths are read in short and in long form', () => {
  const cases: [hex: string, start: number, end: number][] = [
    ['0400', 2, 2],
    ['0401ff', 2, 3],
    [`048180${'00'.repeat(128)}`, 3, 131],
    [`04820100${'00'.repeat(256)}`, 4, 260],
  ]
  for (const [hex, start, end] of cases) {
    assert.deepEqual(elementAt(Buffer.from(hex, 'hex'), 0), { tag: 4, start, end })
  }
  const two = Buffer.from('0401ff020107', 'hex')
  assert.deepEqual(
    childrenOf(two, { start: 0, end: two.length }).map(({ tag }) => tag),
    [4, 2],
  )
})

function octets(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([4, content.length]), content])
}

function sequence(parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const length = content.length < 128 ? [content.length] : [0x81, content.length]
  return Buffer.concat([Buffer.from([0x30, ...length]), content])
}
