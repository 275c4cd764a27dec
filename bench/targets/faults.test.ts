import assert from 'node:assert/strict'
import test from 'node:test'
import { describeFault } from './faults.ts'

const coded = (code: string, message = 'x', cause?: unknown) =>
  Object.assign(new Error(message, { cause }), { code })

const rows: [string, unknown, RegExp][] = [
  ['a code', coded('ECONNREFUSED'), /^nothing listens there/],
  [
    'a code that only words are left of',
    new Error('connect ECONNREFUSED 127.0.0.1:9'),
    /^nothing listens/,
  ],
  [
    'what fetch hides',
    new TypeError('fetch failed', { cause: coded('ENOTFOUND') }),
    /host is unknown/,
  ],
  [
    'several addresses',
    new TypeError('fetch failed', { cause: new AggregateError([coded('ECONNREFUSED')]) }),
    /^nothing listens there/,
  ],
  [
    'an alert',
    coded('ERR_SSL_X', 'ssl alert number 48'),
    /^refuses the client certificate: it does not/,
  ],
  ['an alert that nobody knows', coded('ERR_SSL_X', 'alert number 250'), /^alert number 250$/],
  ['words', new Error('socket hang up'), /^closes the connection without an answer$/],
  ['anything else, on one line', new Error('wrong status:\n 503'), /^wrong status: 503$/],
  ['no error at all', 'odd', /^odd$/],
]
for (const [name, error, wanted] of rows) {
  test(`a fault by ${name}`, () => {
    assert.match(describeFault(error), wanted)
  })
}
