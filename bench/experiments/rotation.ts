import { decodeJwt, decodeProtectedHeader, type JWK } from 'jose'
import { randomBytes } from 'node:crypto'
import { resources, type Reload } from '../../servers/config.ts'
import { writeSecretFile, type Identity } from '../../servers/pki.ts'
import { clientProfile, createPrivateJwk, uris } from '../lab-credentials.ts'
import { signerOf } from '../preflight/forge.ts'
import type { Scene } from '../preflight/scene.ts'
import { askOnNew } from './askers.ts'
import { tokensOf, waitFor } from './experiment.ts'
import { behindFront } from './fronted-issuer.ts'
import type { ProbeSubject } from './probe.ts'

/** A client asks for tokens while its secret changes; without overlap the issuer knows only one of them. */
export async function rotateSecret(
  scene: Scene,
  { overlap }: { readonly overlap: boolean },
): Promise<ProbeSubject> {
  const { issuer } = tokensOf(scene)
  const { lab } = scene
  const secret = randomBytes(32).toString('base64url')
  const secretFile = await writeSecretFile(lab.folder, 'client-secret-2', secret)
  const known = registryOf(scene)
  const withSecrets = (previous: boolean) => ({
    ...known,
    clients: known.clients.map((client) =>
      client.clientId === secretClient
        ? { ...client, secretFile, previousSecretFile: previous ? client.secretFile : null }
        : client,
    ),
  })
  let used = lab.secret
  return {
    ask: askOnNew(scene, () => ({ at: issuer, token: null, ...tokenRequest(used) })),
    event: async () => {
      await issuer.change({ registry: withSecrets(overlap) })
      await waitFor(stepMs)
      used = secret
      if (!overlap) return
      await waitFor(stepMs)
      await issuer.change({ registry: withSecrets(false) })
    },
  }
}

/** Add, wait, sign, drop. The server asks for unknown keys more often than by default: it has just started. */
export async function rotateSigningKey(
  scene: Scene,
  owned: AsyncDisposableStack,
): Promise<ProbeSubject> {
  const tokens = tokensOf(scene)
  const { at } = await behindFront(scene, owned, { keySetCooldownMs: cooldownMs })
  const [old, next] = await signingKeys(scene)
  let token = tokens.good
  return {
    ask: askOnNew(scene, () => ({ at, token })),
    event: async () => {
      await tokens.issuer.change({ registry: await withKeys(scene, [...old, next]) })
      await waitFor(cooldownMs + stepMs)
      await tokens.issuer.change({ registry: await withKeys(scene, [next, ...old]) })
      token = await tokens.fetch({})
      if (decodeProtectedHeader(token).kid !== next.kid)
        throw new Error('the issuer signs by the old key')
      await waitFor(stepMs)
      await tokens.issuer.change({ registry: await withKeys(scene, [next]) })
    },
  }
}

/** Signs before it publishes: the first such token makes the server ask, in vain, and then not for long. */
export async function useUnpublishedKey(scene: Scene): Promise<ProbeSubject> {
  const tokens = tokensOf(scene)
  const [old, next] = await signingKeys(scene)
  let { good: token } = tokens
  return {
    ask: askOnNew(scene, () => ({ token })),
    event: async () => {
      token = tokens.forge.token({ header: { kid: next.kid }, signer: signerOf(next) })
      await waitFor(publishedMs)
      await tokens.issuer.change({ registry: await withKeys(scene, [next, ...old]) })
    },
  }
}

/** A certificate and key of the good client that it did not have before. */
export function newClientIdentity({ lab }: Scene): Promise<Identity> {
  return lab.issuing.issue({ ...clientProfile(uris.billing), key: 'p256' })
}

/** `jti` of a JWT. */
export function tokenId(token: string): string {
  const { jti } = decodeJwt(token)
  if (jti === undefined) throw new Error('the token has no jti')
  return jti
}

async function signingKeys({ lab }: Scene): Promise<readonly [old: readonly JWK[], next: JWK]> {
  return [lab.signingKeys, await createPrivateJwk(lab.settings.algorithm)]
}

async function withKeys(scene: Scene, keys: readonly JWK[]) {
  const name = `signing-jwks-${keys.map(({ kid = '' }) => kid.slice(0, 6)).join('-')}.json`
  const signingJwksFile = await writeSecretFile(scene.lab.folder, name, JSON.stringify({ keys }))
  return { ...registryOf(scene), signingJwksFile }
}

function registryOf({ lab }: Scene): NonNullable<Reload['registry']> {
  const { signingJwksFile, clients, introspectors } = lab.authorizationConfig()
  return { signingJwksFile, clients, introspectors }
}

function tokenRequest(secret: string) {
  const basic = Buffer.from(`${secretClient}:${secret}`).toString('base64')
  const form = { grant_type: 'client_credentials', resource: resources.jwt, scope: 'payments:read' }
  return {
    method: 'POST',
    path: '/token',
    headers: [
      ['authorization', `Basic ${basic}`],
      ['content-type', 'application/x-www-form-urlencoded'],
    ] as const,
    body: String(new URLSearchParams(form)),
  }
}

const secretClient = 'acme-terminal'
const stepMs = 500
const cooldownMs = 1_000
const publishedMs = 1_000
