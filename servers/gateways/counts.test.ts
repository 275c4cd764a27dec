import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as apache from './apache-driver.ts'
import { createTail, createTally } from './counts.ts'
import { readStatistics } from './envoy-driver.ts'
import { parseStatistics, takeLine } from './haproxy-driver.ts'
import * as nginx from './nginx-driver.ts'

/** What lines come to, and the refusals that were told. */
function tallyOf(take: (tally: ReturnType<typeof createTally>) => void) {
  const told: [string, number | null][] = []
  const tally = createTally((reason, status) => told.push([reason, status]))
  take(tally)
  return { ...tally.counts(null), told }
}

test('nginx: requests, handshakes by the first request of a connection, reasons, markers', () => {
  const lines = ['200.1 ', '200.2 ', '200r1 ', '401.1 token_expired', 'mark 7', '200-1 ', 'half']
  let marks: number[] = []
  const counts = tallyOf((tally) => {
    marks = nginx.takeAccess(lines, tally)
  })
  assert.deepEqual(marks, [7])
  assert.equal(counts.requests, 5)
  assert.deepEqual(counts.responses, { 200: 4, 401: 1 })
  assert.deepEqual([counts.handshakesFull, counts.handshakesResumed], [2, 1])
  assert.deepEqual(counts.told, [['token_expired', 401]])
})

test('nginx: its error log tells of handshakes and of certificates', () => {
  const before = '2026/11/27 13:27:48 [info] 8165#8165: *5 '
  const counts = tallyOf((tally) => {
    for (const line of [
      `${before}client SSL certificate verify error: (10:certificate has expired) while reading`,
      `${before}client sent no required SSL certificate while reading client request headers`,
      `${before}SSL_do_handshake() failed (SSL: error:0A000102:SSL routines::unsupported protocol) while`,
      `${before}peer closed connection in SSL handshake while SSL handshaking`,
      `${before}client 127.0.0.1 closed keepalive connection`,
    ])
      nginx.takeError(line, tally)
  })
  assert.equal(counts.handshakesFailed, 2)
  assert.deepEqual(counts.refusals, {
    'certificate:10:certificate has expired': 1,
    'certificate:none': 1,
    'tls:unsupported protocol': 1,
    'tls:closed by the client': 1,
  })
})

test('HAProxy: its statistics by name, its log lines as reasons', () => {
  const statistics = parseStatistics(
    '# pxname,svname,req_tot,ssl_sess,\ngateway,FRONTEND,12,3,\ngateway,BACKEND,0,0,\n',
  )
  assert.deepEqual([statistics.get('req_tot'), statistics.get('ssl_sess')], ['12', '3'])
  assert.equal(parseStatistics('').get('req_tot'), undefined)
  const { told } = tallyOf((tally) => {
    takeLine('401 invalid:token_expired', tally)
    takeLine('tls 23 error:0A000086:SSL routines::certificate verify failed', tally)
    takeLine('tls 0 error:0A0000C7:SSL routines::peer did not return a certificate', tally)
    takeLine('200 -', tally)
  })
  assert.deepEqual(told, [
    ['token_expired', 401],
    ['tls:certificate 23: certificate verify failed', null],
    ['tls:peer did not return a certificate', null],
  ])
})

test('Apache: requests and handshakes of its access log, reasons of both logs', () => {
  const counts = tallyOf((tally) => {
    for (const line of ['200 Initial 0 -', '200 Initial 1 -', '403 Resumed 0 wrong_tenant', 'x'])
      apache.takeAccess(line, tally)
    for (const line of [
      'ssl info AH02276: Certificate Verification: Error (26): unsuitable certificate purpose [subject: CN=x]',
      'ssl info AH02008: SSL library error 1 in handshake (server localhost:9445)',
      'ssl info SSL Library Error: error:0A000086:SSL routines::certificate verify failed',
      'oauth2 error _oauth2_jose_jwt_validate_exp: "exp" validation failure',
      'ssl info AH01964: Connection to child 0 established (server localhost:9445)',
    ])
      apache.takeError(line, tally)
  })
  assert.deepEqual(counts.responses, { 200: 2, 403: 1 })
  assert.deepEqual(
    [counts.handshakesFull, counts.handshakesResumed, counts.handshakesFailed],
    [1, 1, 1],
  )
  assert.deepEqual(Object.keys(counts.refusals), [
    'wrong_tenant',
    'certificate:26:unsuitable certificate purpose',
    'tls:certificate verify failed',
    'oauth2:_oauth2_jose_jwt_validate_exp',
  ])
})

test('Envoy: its statistics', () => {
  const counts = readStatistics(
    [
      'http.gateway.downstream_rq_total: 9',
      'http.gateway.downstream_rq_2xx: 7',
      'http.gateway.jwt_authn.denied: 2',
      'listener.gateway.ssl.handshake: 5',
      'listener.gateway.ssl.session_reused: 1',
      'http.gateway.downstream_rq_time: P50(1,2)',
    ].join('\n'),
  )
  assert.equal(counts.requests, 9)
  assert.equal(counts.responses['200'], 7)
  assert.deepEqual([counts.handshakesFull, counts.handshakesResumed], [4, 1])
  assert.deepEqual(counts.refusals, { 'jwt_authn:denied': 2 })
})

test('a tail reads whole lines, each once, of a file that may not be there yet', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-tail-'))
  t.after(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'access.log')
  const read = createTail(file)
  assert.deepEqual(read(), [])
  appendFileSync(file, 'one\ntwo\nth')
  assert.deepEqual(read(), ['one', 'two'])
  appendFileSync(file, 'ree\n')
  assert.deepEqual([read(), read()], [['three'], []])
})
