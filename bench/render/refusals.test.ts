import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Preflight, Refusal } from '../results.ts'
import { refusalTable } from './refusals.ts'

const refused: Refusal = {
  id: 'M1',
  kind: 'refuse',
  sameAs: ['C2'],
  describe: 'no client certificate',
  expected: 'handshake refused',
  outcome: 'handshake refused',
  passed: true,
  handlerCalls: 0,
  reasons: ['tls:ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'],
}
const recorded: Refusal = {
  ...refused,
  id: 'J23',
  kind: 'record',
  sameAs: [],
  describe: 'revoked JWT',
  expected: 'recorded',
  outcome: 'accepted: 200',
  handlerCalls: 1,
  reasons: [],
}
const accepted: Refusal = {
  ...refused,
  id: 'J9',
  sameAs: [],
  describe: 'expired token',
  expected: '401 invalid_token',
  outcome: 'a minute ago: accepted: 200',
  passed: false,
  handlerCalls: 1,
  reasons: ['token_expired', 'bad_signature'],
}

test('the table shows case, expectation, outcome, handler calls and reasons in 100 columns', () => {
  const text = refusalTable('combined/key=p256', preflightOf([refused, recorded, accepted]))
  assert.equal(
    text,
    `combined/key=p256

case   presented              expected           outcome    calls  reason logged
M1 C2  no client certificate  handshake refused  refused        0  tls:ERR_SSL_PEER_DID_
                                                                   NOT_RETURN_A_CERTIFICATE
J23    revoked JWT            recorded           accepted:      1
                                                 200
J9     expired token          401 invalid_token  FAILED         1  token_expired
                                                                   bad_signature

1 of 2 refused as they must be, 1 handler calls, 1 accepted by design and recorded, 4 good
credentials accepted beside them
FAILED J9: expected 401 invalid_token; a minute ago: accepted: 200
`,
  )
})

test('no line is longer than 100 columns, whatever the texts', () => {
  const long = 'a very long description of what somebody might present one day or another'
  const row = {
    ...accepted,
    describe: long,
    expected: long,
    outcome: long,
    reasons: [long, 'X'.repeat(20)],
  }
  for (const line of refusalTable('combined/key=p256', preflightOf([row, refused])).split('\n')) {
    assert.ok(line.length <= 100, line)
  }
})

function preflightOf(refusals: Refusal[]): Preflight {
  const tried = refusals.filter(({ kind }) => kind === 'refuse')
  return {
    controlsPassed: 4,
    tried: tried.length,
    refused: tried.filter(({ passed }) => passed).length,
    recorded: refusals.length - tried.length,
    handlerCalls: tried.reduce((sum, { handlerCalls }) => sum + handlerCalls, 0),
    refusals,
  }
}
