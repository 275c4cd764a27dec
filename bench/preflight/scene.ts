import { resources } from '../../servers/config.ts'
import type { ServerConfig } from '../../servers/config.ts'
import type { Identity } from '../../servers/pki.ts'
import { programOf } from '../gateways.ts'
import { issuerNeeds, needsIssuer, startCase } from '../hops.ts'
import type { IssuerNeeds } from '../lab-configurations.ts'
import { proofClient } from '../lab-credentials.ts'
import { createLab } from '../lab.ts'
import { fetchToken, revokeToken } from '../lab-tokens.ts'
import type { Lab } from '../lab.ts'
import type { TokenRequest } from '../lab-tokens.ts'
import type { ServerProcess, StartServer } from '../processes.ts'
import { issuanceRequest } from '../issuance.ts'
import type { Case, ClientAuthentication, Credentials } from '../scenario.ts'
import { attack, openAttack } from './attack.ts'
import type { Answer, AttackConnection, AttackRequest } from './attack.ts'
import { createForge } from './forge.ts'
import type { Forge } from './forge.ts'
import { createProofForge, type ProofForgery } from './proof-forge.ts'
import { createHostileIssuer } from './hostile-issuer.ts'
import type { HostileIssuer } from './hostile-issuer.ts'
import { createAttackers } from './identities.ts'
import { createAnswerCounts } from './settled-counts.ts'
import type { Attacker, Attackers, Trusts } from './identities.ts'

/** What is presented otherwise than the good client would. */
export interface Presentation {
  /** Default: the case's own server. */
  readonly at?: ServerProcess
  /** Default: the good client's; null for none. */
  readonly identity?: Identity | null
  readonly session?: Buffer
  /** Default: the good client's; null for none. */
  readonly token?: string | null
  /** Default: `GET` of a payment of acme. */
  readonly method?: string
  readonly path?: string
  readonly body?: string
  /** Before the token's own header. */
  readonly headers?: AttackRequest['headers']
  /** Proofs of possession, where clients bring them; default: a fresh one for this very request. */
  readonly proof?: string | readonly string[] | null
}

/** The processes and credentials against which one case is tried. */
export interface Scene {
  readonly lab: Lab
  readonly credentials: Credentials
  readonly server: ServerProcess
  /** Sends what the good client would, but for what is told. */
  readonly ask: (presentation?: Presentation) => Promise<Answer>
  /** As `ask`, over a connection that stays open. */
  readonly open: (presentation?: Presentation) => AttackConnection
  readonly requestOf: (presentation?: Presentation) => AttackRequest
  /** Present where clients bring certificates. */
  readonly mutual: { readonly attackers: Attackers; readonly trusts: Trusts } | null
  /** Present where clients bring tokens. */
  readonly tokens: Tokens | null
  /** Present where clients bring tokens, or one of the hops does. */
  readonly anyTokens: Tokens | null
  /** A proof for the measured request, where clients bring proofs; good unless told otherwise. */
  readonly proofs: ((forgery?: ProofForgery) => string) | null
  /** Configuration of `server`. */
  readonly config: ServerConfig
  /** A further server, of the case's program unless told otherwise; stopped with the scene. */
  readonly extra: (name: string, config: ServerConfig, program?: string) => Promise<ServerProcess>
}

/** Where access tokens come from: the issuer, and for the bad ones a forge or a hostile issuer. */
export interface Tokens {
  readonly issuer: ServerProcess
  readonly issuerUrl: string
  /** Fetched from the issuer; bound to the good certificate where tokens are bound. */
  readonly good: string
  readonly form: 'jwt' | 'opaque'
  readonly resource: { readonly normal: string; readonly short: string; readonly other: string }
  /** The client that `good` belongs to. */
  readonly client: string
  readonly fetch: (request: Partial<TokenRequest>) => Promise<string>
  /** Revokes a token of `client`; the error code of an issuer that does not. */
  readonly revoke: (token: string) => Promise<string | null>
  /** A token bound to a certificate, where that is possible; `good` where it is not, or not needed. */
  readonly boundTo: (attacker: Attacker) => Promise<string>
  /** Makes JWTs; good ones unless told otherwise. */
  readonly forge: Forge
  readonly hostile: HostileIssuer
}

/** Starts the processes of a case and fetches its good token; they end with `owned`. */
export async function createScene(
  testCase: Case,
  start: StartServer,
  owned: AsyncDisposableStack,
): Promise<Scene> {
  const credentials = testCase.scenario.credentials(testCase.parameters)
  const lab = owned.use(await createLab({ parameters: testCase.parameters }))
  const mutual = credentials.certificate ? await createAttackers(lab) : null
  const counts = createAnswerCounts()
  const run: Run = async (name, program, config) => {
    const configFile = await lab.writeConfig(name, config)
    return counts.settled(owned.use(await start({ program, configFile })))
  }
  const { issuance, token: clientForm } = credentials
  const form = clientForm === 'none' ? 'jwt' : clientForm
  const anyTokens = needsIssuer(testCase)
    ? await createTokens({
        ...{ lab, credentials, form, mutual, run, owned },
        needs: issuerNeeds(testCase),
      })
    : null
  const tokens = clientForm === 'none' ? null : anyTokens
  const issuerUrl = anyTokens?.issuerUrl ?? null
  const config = lab.serverConfig(testCase, issuerUrl)
  const program = programOf(testCase)
  const server = await startCase({
    ...{ trial: testCase, lab, issuerUrl },
    launch: (program, own) => run('case', program, own),
  })
  const good = { identity: credentials.certificate ? lab.good : null, token: tokens?.good ?? null }
  const forgeProof = credentials.proof === true ? createProofForge(lab.proofKey) : null
  const requestOf = (presentation: Presentation = {}): AttackRequest => {
    const told = { token: good.token, ...presentation }
    if (issuance !== undefined) return tokenRequest(lab, told.at ?? server, issuance)
    if (forgeProof === null) return toRequest(told, 'Bearer')
    const { at = server, token, method = 'GET', path = paymentPath('acme') } = told
    const facts = { method, url: urlAt(at, path), token }
    const { proof = forgeProof(facts), headers = [] } = told
    const proofHeaders = [proof ?? []].flat().map((one) => ['dpop', one] as const)
    return toRequest({ ...told, headers: [...headers, ...proofHeaders] }, 'DPoP')
  }
  const targetOf = ({ at = server, identity = good.identity, session }: Presentation) => ({
    port: at.port,
    rootPem: lab.rootPem,
    identity,
    plain: !testCase.scenario.tls,
    ...(session === undefined ? {} : { session }),
  })
  return {
    lab,
    credentials,
    server,
    mutual,
    tokens,
    anyTokens,
    proofs:
      forgeProof === null
        ? null
        : (forgery) =>
            forgeProof(
              { method: 'GET', url: urlAt(server, paymentPath('acme')), token: good.token },
              forgery,
            ),
    config,
    requestOf,
    ask: async (presentation = {}) => {
      const target = targetOf(presentation)
      return counts.saw(target.port, await attack(target, requestOf(presentation)))
    },
    open: (presentation = {}) => {
      const target = targetOf(presentation)
      return counts.watch(target.port, openAttack(target))
    },
    extra: (name, changed, other = program) =>
      // A product does by its configuration what our servers do by their program.
      run(name, server.product === undefined ? other : program, changed),
  }
}

type Run = (
  name: string,
  program: string,
  config: Parameters<Lab['writeConfig']>[1],
) => Promise<ServerProcess>

interface TokenSetting {
  readonly lab: Lab
  readonly credentials: Credentials
  readonly form: 'jwt' | 'opaque'
  readonly needs: IssuerNeeds
  readonly mutual: Scene['mutual']
  readonly run: Run
  readonly owned: AsyncDisposableStack
}

async function createTokens(setting: TokenSetting): Promise<Tokens> {
  const { lab, credentials, form, mutual, run, owned } = setting
  const authorization = lab.authorizationConfig(setting.needs)
  const issuer = await run('issuer', 'authorization', {
    ...authorization,
    // The orphan must be able to get a token before its CA is removed.
    ...(mutual === null
      ? {}
      : { clientCaFile: mutual.trusts.both.caFile, clientCrlFile: mutual.trusts.both.crlFile }),
  })
  const issuerUrl = `https://127.0.0.1:${issuer.port}`
  const hostile = owned.use(await createHostileIssuer(lab))
  const isProof = credentials.proof === true
  const client = isProof ? proofClient : credentials.bound ? 'acme-billing-bound' : 'acme-billing'
  const resource = resourcesOf[form]
  const fetch = (request: Partial<TokenRequest>) =>
    fetchToken(lab, issuerUrl, {
      client,
      resource: resource.normal,
      ...(isProof ? { proofKey: lab.proofKey } : {}),
      ...request,
    })
  const good = await fetch({})
  const forge = createForge({
    key: lab.signingKeys[0] ?? {},
    claims: {
      ...goodClaims(lab, client, issuerUrl),
      ...(credentials.bound ? { cnf: confirmationOf(lab.good) } : {}),
      ...(isProof ? { cnf: { jkt: lab.proofKey.kid } } : {}),
    },
  })
  return {
    issuer,
    issuerUrl,
    good,
    form,
    resource,
    client,
    fetch,
    revoke: (token) => revokeToken(lab, issuerUrl, { client, token }),
    forge,
    hostile,
    boundTo: ({ client: own, ...certificate }) => {
      if (!credentials.bound) return Promise.resolve(good)
      if (form === 'jwt') {
        const claims = own === null ? {} : goodClaims(lab, own, issuerUrl)
        return Promise.resolve(
          forge.token({ claims: { ...claims, cnf: confirmationOf(certificate) } }),
        )
      }
      return own === null ? Promise.resolve(good) : fetch({ client: own, certificate })
    },
  }
}

/** Claims of a client's good token that are the same each time. */
export function goodClaims(lab: Lab, clientId: string, issuerUrl: string) {
  return {
    iss: issuerUrl,
    aud: lab.issuerConfig(issuerUrl).audience,
    sub: clientId,
    client_id: clientId,
    scope: 'payments:read payments:write',
    org_id: lab.clients.find((client) => client.clientId === clientId)?.orgId,
  }
}

/** The confirmation claim of a certificate (RFC 8705 section 3.1). */
export function confirmationOf({ thumbprintS256 }: Identity) {
  return { 'x5t#S256': thumbprintS256 }
}

function toRequest(
  { method, path, headers, body, token }: Presentation,
  scheme: 'Bearer' | 'DPoP',
): AttackRequest {
  const authorization =
    token === null || token === undefined ? [] : [['authorization', `${scheme} ${token}`] as const]
  return {
    method: method ?? 'GET',
    path: path ?? paymentPath('acme'),
    headers: [...(headers ?? []), ...authorization],
    ...(body === undefined ? {} : { body }),
  }
}

/** What a client asks of an authorization server, in the place of a payment. */
function tokenRequest(lab: Lab, { port }: ServerProcess, by: ClientAuthentication): AttackRequest {
  const issuerUrl = `https://127.0.0.1:${port}`
  const { path, headers, body } = issuanceRequest(lab, issuerUrl, { by, form: 'jwt' })
  return { method: 'POST', path, headers: Object.entries(headers), body: body() }
}

/** URL of a path at a server, without its query: what a proof is about. */
function urlAt({ port }: ServerProcess, path: string): string {
  return `https://127.0.0.1:${port}${path.split('?', 1)[0] ?? ''}`
}

/** Path of the payment that is measured, at any tenant. */
export function paymentPath(orgId: string): string {
  return `/v1/orgs/${orgId}/payments/pay_1001`
}

/** The header line of an access token (RFC 6750 section 2.1). */
export function bearer(token: string): readonly [string, string] {
  return ['authorization', `Bearer ${token}`]
}

const resourcesOf = {
  jwt: { normal: resources.jwt, short: resources.shortJwt, other: resources.otherJwt },
  opaque: { normal: resources.opaque, short: resources.shortOpaque, other: resources.otherOpaque },
} as const

/** Makes a value at the first call, and hands out the same one at every other. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => (made ??= make())
}
