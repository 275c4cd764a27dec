import assert from 'node:assert/strict'
import test from 'node:test'
import { errorKind } from './error-kind.ts'

const rows: [reason: string, kind: string][] = [
  ['timeout', 'timeout'],
  ['connection_refused', 'connection_refused'],
  ['wrong status: 503 instead of 200', '503'],
  ['wrong body: 3 bytes instead of the 4 expected ones', 'wrong_body'],
  ['wrong body: its SHA-256 is not the expected one', 'wrong_body'],
  ['wrong response: starts with "SSH-2.0"', 'wrong_response'],
  ['the server closed the connection', 'connection_closed'],
  // The port is another one in every block, and must make no series of its own.
  ['connect ECONNREFUSED 127.0.0.1:40123', 'ECONNREFUSED'],
  ['read ECONNRESET', 'ECONNRESET'],
  ['ssl3_read_bytes:tlsv1 alert unknown ca:SSL alert number 48', 'tls_alert_48'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ['token 8f3a of 12:01 has expired', '_OTHER'],
  ['', '_OTHER'],
]
for (const [reason, kind] of rows) {
  test(`${JSON.stringify(reason)} is ${kind}`, () => {
    assert.equal(errorKind(reason), kind)
  })
}
