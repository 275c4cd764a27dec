import { randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { createPrivateJwk, publicJwk } from '../../lab-credentials.ts'
import { invalidToken, refusedWith } from '../attempt.ts'
import type { Attempt, Expectation, Probe } from '../attempt.ts'
import { hmacSigner, secondsFromNow, signerOf } from '../forge.ts'
import { bearer } from '../scene.ts'
import type { Presentation, Scene, Tokens } from '../scene.ts'
import type { ProofForgery } from '../proof-forge.ts'

/** D1 to D13: proofs of possession, each wrong in one way, beside a good token (RFC 9449 section 4.3). */
export function dpopAttempts(scene: Scene, tokens: Tokens): Attempt[] {
  const { lab } = scene
  const forged = createForger(scene)
  return [
    { id: 'D1', probes: [presented(scene, invalidProof('no_proof'), () => ({ proof: null }))] },
    {
      id: 'D2',
      probes: [
        presented(scene, invalidProof('two_proofs'), (proof) => ({ proof: [proof(), proof()] })),
      ],
    },
    forged('D3', 'proof_wrong_type', {
      JWT: { header: { typ: 'JWT' } },
      'at+jwt': { header: { typ: 'at+jwt' } },
      none: { header: { typ: undefined } },
    }),
    forged('D4', 'proof_algorithm_not_allowed', {
      none: { header: { alg: 'none' }, signer: () => Buffer.alloc(0) },
      'none, signed': { header: { alg: 'none' } },
      HS256: {
        header: { alg: 'HS256' },
        signer: hmacSigner(JSON.stringify(publicJwk(lab.proofKey))),
      },
    }),
    badSignature(scene, forged),
    forged('D6', 'proof_private_key', { '': { header: { jwk: privatePart(lab.proofKey) } } }),
    forged('D7', 'proof_wrong_method', {
      POST: { claims: { htm: 'POST' } },
      'lower case': { claims: { htm: 'get' } },
      missing: { claims: { htm: undefined } },
    }),
    forged('D8', 'proof_wrong_url', {
      'other path': { change: ({ htu }) => ({ htu: `${htu}2` }) },
      'other host': {
        claims: { htu: 'https://other.trustbench.test/v1/orgs/acme/payments/pay_1001' },
      },
      http: { change: ({ htu }) => ({ htu: htu.replace('https:', 'http:') }) },
      missing: { claims: { htu: undefined } },
    }),
    {
      id: 'D9',
      probes: [
        ...forged('D9', 'proof_stale', {
          stale: { claims: { iat: secondsFromNow(-120) } },
          'without iat': { claims: { iat: undefined } },
        }).probes,
        ...forged('D9', 'proof_from_future', {
          future: { claims: { iat: secondsFromNow(120) } },
        }).probes,
      ],
    },
    { id: 'D10', probes: [replayed(scene)] },
    forged('D11', 'proof_of_another_token', {
      missing: { claims: { ath: undefined } },
      'of another token': { token: () => tokens.forge.token() },
    }),
    { id: 'D12', ...otherKey(scene) },
    {
      id: 'D13',
      probes: [
        presented(scene, refusedWith(401, 'no_token'), () => ({
          token: null,
          headers: [bearer(tokens.good)],
        })),
      ],
    },
  ]
}

/** 401 `invalid_dpop_proof` (RFC 9449 section 7.1). */
function invalidProof(reason: string): Expectation {
  return { kind: 'response', status: 401, error: 'invalid_dpop_proof', reasons: [reason] }
}

function presented(
  { ask, proofs, server }: Scene,
  expected: Expectation,
  bad: (proof: () => string) => Presentation,
): Probe {
  return {
    expected,
    counted: server,
    control: () => ask(),
    bad: () => ask(bad(() => proofOrThrow(proofs)())),
  }
}

type Forger = (
  id: string,
  reason: string,
  forgeries: Readonly<Record<string, ProofForgery>>,
) => Attempt

/** Tries forged proofs, each named, beside the good token. */
function createForger(scene: Scene): Forger {
  const { ask, proofs, server } = scene
  return (id, reason, forgeries) => ({
    id,
    probes: Object.entries(forgeries).map(([variant, forgery]): Probe => ({
      ...(variant === '' ? {} : { variant }),
      expected: invalidProof(reason),
      counted: server,
      control: () => ask(),
      bad: () => ask({ proof: proofOrThrow(proofs)(forgery) }),
    })),
  })
}

function badSignature({ ask, proofs, server }: Scene, forged: Forger): Attempt {
  const flipped: Probe = {
    variant: 'one bit changed',
    expected: invalidProof('proof_bad_signature'),
    counted: server,
    control: () => ask(),
    bad: () => {
      const [header = '', payload = '', signature = ''] = proofOrThrow(proofs)().split('.')
      const bytes = Buffer.from(signature, 'base64url')
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
      return ask({ proof: [header, payload, bytes.toString('base64url')].join('.') })
    },
  }
  let stranger: JWK = {}
  const byStranger = forged('D5', 'proof_bad_signature', {
    'by another key': { signer: (input) => signerOf(stranger)(input) },
  })
  return {
    id: 'D5',
    prepare: async () => {
      stranger = await createPrivateJwk('ES256')
    },
    probes: [flipped, ...byStranger.probes],
  }
}

/** The control is the proof's one use. */
function replayed({ ask, proofs, server }: Scene): Probe {
  let proof = ''
  return {
    expected: invalidProof('proof_replayed'),
    counted: server,
    control: () => {
      proof = proofOrThrow(proofs)()
      return ask({ proof })
    },
    bad: () => ask({ proof }),
  }
}

/** A thief with a key of its own: a proof that is sound in itself. */
function otherKey({ ask, proofs, server }: Scene): Omit<Attempt, 'id'> {
  let thief: JWK = {}
  return {
    prepare: async () => {
      thief = await createPrivateJwk('ES256')
    },
    probes: [
      {
        expected: invalidToken('binding_mismatch'),
        counted: server,
        control: () => ask(),
        bad: () =>
          ask({
            proof: proofOrThrow(proofs)({
              header: { jwk: embedded(thief) },
              signer: signerOf(thief),
              claims: { jti: randomUUID() },
            }),
          }),
      },
    ],
  }
}

function proofOrThrow(proofs: Scene['proofs']): NonNullable<Scene['proofs']> {
  if (proofs === null) throw new Error('clients of this scenario bring no proofs')
  return proofs
}

function privatePart({ kty, crv, x, y, d }: JWK) {
  return { kty, crv, x, y, d }
}

function embedded({ kty, crv, x, y }: JWK) {
  return { kty, crv, x, y }
}
