import assert from 'node:assert/strict'
import test from 'node:test'
import { decideClaim, type ClaimVerdict } from './claim.ts'
import { claims } from './claims.ts'
import type { EventWindow } from './event-windows.ts'

// Each verdict function is fed with windows that must support its claim, refute it, and leave it open.

/** Served and failed requests after the event; those before were all served unless told otherwise. */
const after = (servedAfter: number, refusedAfter = 0, failedBefore = 0) => ({
  servedAfter,
  refusedAfter,
  failedBefore,
})

function windowOf(name: string, counts: ReturnType<typeof after>): EventWindow {
  const { servedAfter, refusedAfter } = counts
  return {
    name,
    what: '',
    servedBefore: 50,
    ...counts,
    failedFromStart: refusedAfter,
    failedForMs: refusedAfter * 20,
    latencyBeforeMs: 2,
    latencyAfterMs: servedAfter === 0 ? null : 2,
    firstRefusedMs: refusedAfter === 0 ? null : 0,
    lastServedMs: servedAfter === 0 ? null : 1_000,
    watchedMs: 2_000,
    resolutionMs: 20,
  }
}

/** The claim's events, all served after the event but for those told. */
function decide(
  id: string,
  changes: Readonly<Record<string, ReturnType<typeof after>>>,
): ClaimVerdict {
  const claim = claims.find((one) => one.id === id)
  assert.ok(claim)
  const names = claim.events ?? []
  for (const name of Object.keys(changes)) assert.ok(names.includes(name), name)
  const windows = names.map((name) => [name, windowOf(name, changes[name] ?? after(100))] as const)
  return decideClaim(claim, new Map(), new Map(windows)).verdict
}

const [all, none, half] = [after(100), after(0, 100), after(50, 50)]

test('O1: failures in the right order refute, failures of a short cut make it depend', () => {
  assert.equal(decide('O1', {}), 'supported')
  assert.equal(decide('O1', { 'rotate-signing-key-unpublished': half }), 'depends')
  assert.equal(decide('O1', { 'rotate-ca': after(99, 1) }), 'refuted')
  assert.equal(decide('O1', { 'rotate-ca': after(100, 0, 1) }), 'undecided')
})

const minimum = {
  'issuer-stops-opaque': none,
  'issuer-stops-combined-opaque': none,
  'key-set-down-warm': none,
  'key-set-down-combined': none,
  'expire-ca-mtls': none,
  'expire-ca-combined': none,
  'clock-ahead': half,
  'clock-ahead-combined': half,
}

test('O8: both together serve the minimum of both, or the most, or neither', () => {
  assert.equal(decide('O8', minimum), 'refuted')
  // 100 % of 100 %: a fault of neither.
  assert.equal(decide('O8', { ...minimum, 'issuer-stops-combined': all }), 'refuted')
  const most = {
    ...minimum,
    'issuer-stops-combined-opaque': all,
    'key-set-down-combined': all,
    'expire-ca-combined': all,
    'clock-ahead-combined': all,
  }
  assert.equal(decide('O8', most), 'supported')
  // More than the minimum under one fault, less than the most under another.
  assert.equal(decide('O8', { ...minimum, 'expire-ca-combined': half }), 'undecided')
  assert.equal(decide('O8', { 'clock-ahead': after(50, 50, 2) }), 'undecided')
})

test('S3: what a live connection outlives', () => {
  const revoked = { 'revoke-opaque': none }
  assert.equal(decide('S3', revoked), 'refuted')
  assert.equal(decide('S3', { ...revoked, 'expire-certificate-live': none }), 'depends')
  const ended = { 'expire-certificate-live': none, 'revoke-certificate-live': none }
  assert.equal(decide('S3', { ...revoked, ...ended }), 'supported')
  assert.equal(decide('S3', { 'revoke-certificate-live': after(1, 0, 1) }), 'undecided')
})

test('S4: which stolen tokens are served', () => {
  const bound = { 'steal-token-bound': none, 'steal-token-dpop': none }
  assert.equal(decide('S4', bound), 'depends')
  assert.equal(decide('S4', {}), 'supported')
  assert.equal(decide('S4', { 'steal-token-bound': none }), 'supported')
  assert.equal(decide('S4', { ...bound, 'steal-token-bearer': none }), 'refuted')
  assert.equal(decide('S4', { 'steal-token-bearer': none }), 'undecided')
})

test('S10: what half of the credentials gains', () => {
  const refused = {
    'steal-key-combined': none,
    'steal-token-without-key': none,
    'interceptor-bound': none,
  }
  assert.equal(decide('S10', refused), 'depends')
  assert.equal(decide('S10', { ...refused, 'interceptor-bearer': none }), 'supported')
  for (const name of Object.keys(refused))
    assert.equal(decide('S10', { ...refused, [name]: after(1, 99) }), 'refuted', name)
})
