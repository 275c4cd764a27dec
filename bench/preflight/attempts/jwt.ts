import { createPublicKey, randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { createPrivateJwk, publicJwk } from '../../lab-credentials.ts'
import { invalidToken, refusedWith } from '../attempt.ts'
import type { Attempt, Expectation, Probe } from '../attempt.ts'
import { hmacSigner, secondsFromNow, signerOf } from '../forge.ts'
import type { Forgery } from '../forge.ts'
import type { Scene, Tokens } from '../scene.ts'

/** J2 to J18 and J23: access tokens that are JWTs, each but one forged with the issuer's own key (RFC 9068, RFC 8725). */
export function jwtAttempts(scene: Scene, tokens: Tokens): Attempt[] {
  return [
    malformed(scene, tokens),
    changedSignature(scene, tokens),
    changedPayload(scene, tokens),
    ...algorithms(scene, tokens),
    unknownKey(scene, tokens),
    ...claims(scene, tokens),
    wrongTenant(scene, tokens),
    embeddedKey(scene, tokens),
    forged(scene, tokens, 'J18', invalidToken('unknown_critical'), {
      '': { header: { crit: ['urn:trustbench:unknown'], 'urn:trustbench:unknown': true } },
    }),
    revoked(scene, tokens),
  ]
}

/** Tries forgeries, each named, with an untouched token of the same forge as control. */
function forged(
  scene: Scene,
  { forge }: Tokens,
  id: string,
  expected: Expectation,
  forgeries: Readonly<Record<string, Forgery>>,
): Attempt {
  const probes = Object.entries(forgeries).map(([variant, forgery]): Probe => ({
    ...(variant === '' ? {} : { variant }),
    expected,
    counted: scene.server,
    control: () => scene.ask({ token: forge.token() }),
    bad: () => scene.ask({ token: forge.token(forgery) }),
  }))
  return { id, probes }
}

/** Tries whole tokens, each named. */
function presented(
  { ask, server }: Scene,
  id: string,
  expected: Expectation,
  makers: Readonly<Record<string, () => string | Promise<string>>>,
): Attempt {
  const probes = Object.entries(makers).map(([variant, make]): Probe => ({
    ...(variant === '' ? {} : { variant }),
    expected,
    counted: server,
    control: () => ask(),
    bad: async () => ask({ token: await make() }),
  }))
  return { id, probes }
}

function malformed(scene: Scene, { good }: Tokens): Attempt {
  return presented(scene, 'J2', invalidToken('malformed_token'), {
    garbage: () => 'garbage',
    'two parts': () => good.split('.').slice(0, 2).join('.'),
  })
}

/** The control accepts the very token first: a cache must not remember it by anything less than all of it. */
function changedSignature(scene: Scene, { good }: Tokens): Attempt {
  return presented(scene, 'J3', invalidToken('bad_signature'), {
    '': () => {
      const [header = '', payload = '', signature = ''] = good.split('.')
      const bytes = Buffer.from(signature, 'base64url')
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
      return [header, payload, bytes.toString('base64url')].join('.')
    },
  })
}

function changedPayload(scene: Scene, { good }: Tokens): Attempt {
  return presented(scene, 'J4', invalidToken('bad_signature'), {
    '': () => {
      const [header = '', payload = '', signature = ''] = good.split('.')
      const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString())
      const changed = { ...(claims as object), jti: randomUUID() }
      return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join(
        '.',
      )
    },
  })
}

function algorithms(scene: Scene, tokens: Tokens): Attempt[] {
  const [own = {}, other = {}] = scene.lab.signingKeys
  const expected = invalidToken('algorithm_not_allowed')
  const published = isSecret(own) ? other : own
  const publicPem = createPublicKey({ key: { ...publicJwk(published) }, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  })
  return [
    forged(scene, tokens, 'J5', expected, {
      none: { header: { alg: 'none' }, signer: () => Buffer.alloc(0) },
      'none, signed': { header: { alg: 'none' } },
    }),
    // Where HS256 is the algorithm, it is the wrong secret.
    forged(scene, tokens, 'J6', isSecret(own) ? invalidToken('bad_signature') : expected, {
      PEM: { header: { alg: 'HS256' }, signer: hmacSigner(publicPem) },
      JWK: { header: { alg: 'HS256' }, signer: hmacSigner(JSON.stringify(publicJwk(published))) },
    }),
    forged(scene, tokens, 'J7', expected, {
      '': { header: { alg: other.alg, kid: other.kid }, signer: signerOf(other) },
    }),
  ]
}

/** Signed by the issuer's key under a name it does not have, several times: it must not ask the issuer each time. */
function unknownKey(scene: Scene, { forge, issuer }: Tokens): Attempt {
  let before = 0
  const fetches = async () => (await issuer.snapshot()).counters['jwksFetches'] ?? 0
  const last = unknownKeyTries - 1
  const probes = Array.from({ length: unknownKeyTries }, (_, index): Probe => ({
    expected: invalidToken('unknown_key'),
    counted: scene.server,
    control: async () => {
      if (index === 0) before = await fetches()
      return scene.ask({ token: forge.token() })
    },
    bad: () => scene.ask({ token: forge.token({ header: { kid: randomUUID() } }) }),
    also: async () => {
      const fetched = (await fetches()) - before
      return index === last && fetched > 1 ? `${fetched} key-set fetches in a cool-down` : null
    },
  }))
  return { id: 'J8', probes }
}

function claims(scene: Scene, tokens: Tokens): Attempt[] {
  const { issuerUrl, client } = tokens
  const attempt = (id: string, reason: string, changes: Record<string, Record<string, unknown>>) =>
    forged(
      scene,
      tokens,
      id,
      invalidToken(...reason.split(' ')),
      Object.fromEntries(
        Object.entries(changes).map(([name, changed]) => [name, { claims: changed }]),
      ),
    )
  return [
    attempt('J9', 'token_expired', {
      'a minute ago': { iat: secondsFromNow(-120), exp: secondsFromNow(-60) },
      'an hour ago': { iat: secondsFromNow(-7_200), exp: secondsFromNow(-3_600) },
    }),
    attempt('J10', 'token_not_yet_valid issued_in_future', {
      nbf: { nbf: secondsFromNow(120) },
      iat: { iat: secondsFromNow(120) },
    }),
    attempt('J11', 'wrong_issuer', {
      other: { iss: 'https://issuer.other.test' },
      'with a slash': { iss: `${issuerUrl}/` },
    }),
    attempt('J12', 'wrong_audience missing_claim', {
      missing: { aud: undefined },
      other: { aud: 'https://other.trustbench.test' },
      'client id': { aud: client },
    }),
    forged(scene, tokens, 'J13', invalidToken('wrong_type'), {
      JWT: { header: { typ: 'JWT' } },
      none: { header: { typ: undefined } },
      // As an OpenID Provider makes it (OpenID Connect Core section 2).
      'ID token': {
        header: { typ: 'JWT' },
        claims: { aud: client, azp: client, nonce: randomUUID() },
      },
    }),
    attempt('J14', 'missing_claim', {
      exp: { exp: undefined },
      iat: { iat: undefined },
      sub: { sub: undefined },
      client_id: { client_id: undefined },
      jti: { jti: undefined },
    }),
  ]
}

function wrongTenant(scene: Scene, tokens: Tokens): Attempt {
  return forged(scene, tokens, 'J16', refusedWith(403, 'wrong_tenant'), {
    other: { claims: { org_id: 'globex' } },
    none: { claims: { org_id: undefined } },
  })
}

/** The attacker's own key, brought along; the URL of a key set must not even be asked. */
function embeddedKey(scene: Scene, tokens: Tokens): Attempt {
  const { hostile } = tokens
  const { settings } = scene.lab
  let attacker: JWK = {}
  const header = (own: Record<string, unknown>) => ({ kid: attacker.kid, ...own })
  const make = (own: () => Record<string, unknown>) => () =>
    tokens.forge.token({ header: header(own()), signer: signerOf(attacker) })
  const attempt = presented(scene, 'J17', invalidToken('embedded_key'), {
    jwk: make(() => ({ jwk: publicJwk(attacker) })),
    jku: make(() => ({ jku: `${hostile.url}${jkuPath}` })),
  })
  return {
    ...attempt,
    prepare: async () => {
      const { algorithm } = settings
      attacker = await createPrivateJwk(algorithm === 'HS256' ? 'ES256' : algorithm)
      hostile.serve(jkuPath, { keys: [publicJwk(attacker)] })
    },
    probes: attempt.probes.map((probe) => ({
      ...probe,
      also: () => (hostile.requests(jkuPath) > 0 ? "the attacker's key set was fetched" : null),
    })),
  }
}

/** A JWT lives until its exp: the issuer may not even offer to revoke it. */
function revoked({ ask, server }: Scene, tokens: Tokens): Attempt {
  let token = ''
  let refused: string | null = null
  return {
    id: 'J23',
    probes: [
      {
        expected: { kind: 'recorded' },
        counted: server,
        control: async () => {
          token = await tokens.fetch({})
          return ask({ token })
        },
        bad: async () => {
          refused = await tokens.revoke(token)
          return ask({ token })
        },
        note: () => `its revocation: ${refused ?? 'done'}`,
      },
    ],
  }
}

function isSecret({ kty }: JWK): boolean {
  return kty === 'oct'
}

const unknownKeyTries = 3
const jkuPath = '/attacker-keys'
