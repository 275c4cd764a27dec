import { edit } from './mutant.ts'
import type { Edit, Mutant } from './mutant.ts'

const guard = 'servers/guards/dpop.ts'
const proof = 'servers/guards/dpop-proof.ts'

/** Bugs of a server that takes tokens bound to keys. */
export const dpopMutants: readonly Mutant[] = [
  mutant('D1', 'proofs are checked where there are any', [
    edit(
      guard,
      "if (typeof proof !== 'string') return proof",
      `if (typeof proof !== 'string') {
      const unproved = await checkToken(token)
      if (proof.reason !== 'no_proof' || 'reason' in unproved) return proof
      caller.token = unproved
      return null
    }`,
    ),
  ]),
  mutant('D2', 'the first of several proofs counts', [
    edit(guard, 'others.length > 0 ? invalidProof', 'others.length > 9 ? invalidProof'),
  ]),
  mutant('D3', 'the type of a proof is not looked at', [
    edit(proof, "if (typ !== 'dpop+jwt')", 'if (typ === null)'),
  ]),
  mutant('D4', 'a proof without algorithm is taken for an unsigned one', [
    edit(
      proof,
      "if (typeof alg !== 'string' || !proofAlgorithms.includes(alg))",
      "if (typeof alg !== 'string' || !(proofAlgorithms.includes(alg) || alg === 'none'))",
    ),
    edit(
      proof,
      'const { payload } = await compactVerify(proof, await keyOf(header), {',
      `if (header.alg === 'none') {
        checkClaims(JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString()), context)
        return null
      }
      const { payload } = await compactVerify(proof, await keyOf(header), {`,
    ),
  ]),
  mutant('D5', 'the key in the proof is enough, its signature is not verified', [
    edit(
      proof,
      'const { payload } = await compactVerify(proof, await keyOf(header), {',
      `const read = { payload: Buffer.from(proof.split('.')[1] ?? '', 'base64url') }
      const { payload } = await compactVerify(proof, await keyOf(header), {`,
    ),
    edit(
      proof,
      'algorithms: [...proofAlgorithms],\n      })',
      'algorithms: [...proofAlgorithms],\n      }).catch(() => read)',
    ),
  ]),
  mutant('D6', 'private members of the key are ignored', [
    edit(
      proof,
      'if (privateMembers.some((member) => Object.hasOwn(jwk, member)))',
      'if (privateMembers.length === 0)',
    ),
    edit(
      proof,
      'return { alg, jwk, thumbprint: thumbprintOf(jwk) }',
      'return { alg, jwk: { ...jwk, d: undefined }, thumbprint: thumbprintOf(jwk) }',
    ),
  ]),
  mutant('D7', 'htm is not compared', [edit(proof, 'if (htm !== method)', 'if (htm === 0)')]),
  mutant('D8', 'htu is not compared', [
    edit(
      proof,
      "if (typeof htu !== 'string' || withoutQuery(htu) !== url)",
      'if (withoutQuery(String(htu)) === url && false)',
    ),
  ]),
  mutant('D9', 'proofs do not age', [
    edit(proof, 'if (!(ageSeconds <= maxAgeSeconds))', 'if (ageSeconds === Infinity)'),
    edit(proof, 'if (ageSeconds < -maxSkewSeconds)', 'if (ageSeconds === -Infinity)'),
  ]),
  mutant('D10', 'proofs are not remembered', [
    edit('servers/guards/replay-store.ts', 'expiresAtMs.set(digest, nowMs + ttlMs)', ''),
  ]),
  mutant('D11', 'the token is not part of the proof', [
    edit(proof, "if (ath !== hash('sha256', token, 'base64url'))", 'if (ath === 0)'),
  ]),
  mutant('D12', 'any key will do', [
    edit(
      proof,
      'if (header.thumbprint !== context.thumbprint)',
      'if (header.thumbprint === undefined)',
    ),
  ]),
  mutant('D13', 'a client that says Bearer is served without a proof', [
    edit(
      guard,
      "if (typeof token !== 'string') return inScheme(token)",
      `if (typeof token !== 'string') {
      const plain = readBearer(request)
      const unproved = typeof plain === 'string' ? await checkToken(plain) : plain
      if ('reason' in unproved) return inScheme(token)
      caller.token = unproved
      return null
    }`,
    ),
  ]),
]

function mutant(id: string, bug: string, edits: readonly Edit[]): Mutant {
  return { id, verify: ['dpop'], bug, edits }
}
