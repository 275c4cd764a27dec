import { edit } from './mutant.ts'
import type { Edit, Mutant } from './mutant.ts'
import { anonymousAllowed, rogueByName, verifyByHand } from './mutual-tls.ts'

const binding = 'servers/guards/certificate-binding.ts'
const identity = 'servers/guards/client-certificate.ts'
const program = 'servers/combined.ts'
const comparison = 'if (!equal(expected, certificate.thumbprint))'
const thumbprint = "const thumbprint = hash('sha256', certificate.raw, 'base64url')"
const named = 'return { uri, orgId, thumbprint }'
const parameters = '({ caller: { certificate, token } }) => {'

/** Bugs in what ties a token to its certificate (RFC 8705). */
export const combinedMutants: readonly Mutant[] = [
  mutant('C1', 'a token without a confirmation is a bearer token', [
    edit(
      binding,
      "if (token.confirmation === undefined) return invalidToken('unbound_token')",
      'if (token.confirmation === undefined) return null',
    ),
  ]),
  mutant('C2', 'a bound token is enough, with or without its certificate', [
    ...anonymousAllowed(program),
    edit(
      binding,
      comparison,
      "if (certificate.thumbprint !== '' && !equal(expected, certificate.thumbprint))",
    ),
  ]),
  mutant('C3', 'thumbprints are remembered by the dates of the certificate', [
    edit(
      identity,
      thumbprint,
      `${thumbprint}
  const known = remembered.get(certificate.validTo) ?? thumbprint
  remembered.set(certificate.validTo, known)`,
    ),
    edit(identity, named, 'return { uri, orgId, thumbprint, known }'),
    edit(identity, 'const pemCrl =', 'const remembered = new Map()\nconst pemCrl ='),
    edit(
      binding,
      comparison,
      'if (!equal(expected, certificate.thumbprint) && expected !== certificate.known)',
    ),
  ]),
  mutant('C4', 'knows its CA by name instead of by key', [...verifyByHand(program, rogueByName)]),
  mutant('C5', 'thumbprints are compared as bytes, whatever their encoding', [
    edit(
      binding,
      '[Buffer.from(a), Buffer.from(b)]',
      "[Buffer.from(a, 'base64url'), Buffer.from(b, 'base64url')]",
    ),
  ]),
  mutant('C6', 'of two confirmations one is enough', [
    edit(binding, 'if (others.length > 0) return null', ''),
  ]),
  mutant('C7', 'a renewed certificate keeps its tokens as long as it keeps its key', [
    edit(
      identity,
      thumbprint,
      `${thumbprint}
  const key = certificate.publicKey.export({ type: 'spki', format: 'pem' })
  keys.set(thumbprint, key)
  const hasKeyOf = (other) => keys.get(other) === key`,
    ),
    edit(identity, named, 'return { uri, orgId, thumbprint, hasKeyOf }'),
    edit(identity, 'const pemCrl =', 'const keys = new Map()\nconst pemCrl ='),
    edit(
      binding,
      comparison,
      'if (!equal(expected, certificate.thumbprint) && !certificate.hasKeyOf(expected))',
    ),
  ]),
  mutant('C8', 'a resumed session has been checked before', [
    edit(
      binding,
      parameters,
      '({ request, caller: { certificate, token } }) => {\n  if (request.socket.isSessionReused()) return null',
    ),
  ]),
  mutant('C9', 'the certificate that a proxy forwards is as good as the one shown', [
    edit(binding, parameters, '({ request, caller: { certificate, token } }) => {'),
    edit(
      binding,
      comparison,
      `const forwarded = Buffer.from(String(request.headers['client-cert']).slice(1, -1), 'base64')
  if (!equal(expected, certificate.thumbprint) && expected !== hash('sha256', forwarded, 'base64url'))`,
    ),
    edit(binding, 'import { timingSafeEqual }', 'import { hash, timingSafeEqual }'),
  ]),
  mutant('C10', 'scope is not checked', [
    edit(program, 'certificateBinding, scope, tenant]', 'certificateBinding, tenant]'),
  ]),
]

function mutant(id: string, bug: string, edits: readonly Edit[]): Mutant {
  return { id, verify: ['combined', '--set', 'token=jwt'], bug, edits }
}
