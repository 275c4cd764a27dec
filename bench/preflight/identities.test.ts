import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, sign, verify, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { createLab } from '../lab.ts'
import { createAttackers } from './identities.ts'

await using lab = await createLab({ parameters: {} })
const { attackers, trusts } = await createAttackers(lab)

test('M13: the pair loads, its key claims to be that of the certificate and signs as another', () => {
  const { certificatePem, privateKeyPem } = attackers.mismatched
  createSecureContext({ cert: certificatePem, key: privateKeyPem })
  const certified = new X509Certificate(certificatePem).publicKey
  const key = createPrivateKey(privateKeyPem)
  assert.ok(createPublicKey(privateKeyPem).equals(certified))
  const message = Buffer.from('CertificateVerify')
  assert.equal(verify('sha256', message, certified, sign('sha256', message, key)), false)
})

test('a certificate is bad in one way: name, key and issuer are those of the good one otherwise', () => {
  const good = new X509Certificate(lab.good.certificatePem)
  for (const name of [
    'expired',
    'notYetValid',
    'serverOnly',
    'revocable',
    'renewed',
    'leafOnly',
  ] as const) {
    const certificate = new X509Certificate(attackers[name].certificatePem)
    assert.equal(certificate.subjectAltName, good.subjectAltName, name)
    assert.equal(certificate.issuer, good.issuer, name)
    assert.ok(certificate.publicKey.equals(good.publicKey), name)
  }
  const { issuer, publicKey } = new X509Certificate(attackers.rogue.certificatePem)
  assert.equal(issuer, good.issuer)
  assert.ok(publicKey.equals(good.publicKey))
  assert.equal(attackers.leafOnly.chainPem, lab.good.certificatePem)
})

test('other workloads have keys and thumbprints of their own', () => {
  const others = [
    lab.good,
    attackers.payouts,
    attackers.gateway,
    attackers.reporting,
    attackers.globex,
  ]
  const keys = new Set(others.map(({ privateKeyPem }) => privateKeyPem))
  const thumbprints = new Set(others.map(({ thumbprintS256 }) => thumbprintS256))
  assert.deepEqual([keys.size, thumbprints.size], [others.length, others.length])
  assert.notEqual(attackers.renewed.thumbprintS256, lab.good.thumbprintS256)
  const end = ({ certificatePem }: { certificatePem: string }) =>
    new X509Certificate(certificatePem).validTo
  assert.equal(end(attackers.payouts), end(lab.good))
})

test('M7 and M8 change the CRL alone, M9 the CA alone', () => {
  const { base, revoked, both, removed } = trusts
  assert.equal(base.caFile, revoked.caFile)
  assert.notDeepEqual(readFileSync(base.crlFile), readFileSync(revoked.crlFile))
  assert.equal(both.crlFile, removed.crlFile)
  assert.equal(removed.caFile, base.caFile)
  assert.notDeepEqual(readFileSync(both.caFile), readFileSync(removed.caFile))
})
