import { createHash } from 'node:crypto'
import type { Identity } from '../servers/pki.ts'
import { crowdOf, tokenOfMember, type CrowdMember } from './crowd.ts'
import { BenchError } from './errors.ts'
import { createProofs } from './load/proof.ts'
import type { Lab } from './lab.ts'
import type { LoadTarget } from './load/target.ts'
import { clientTlsOptions } from './preflight/client.ts'
import { issuanceRequest } from './issuance.ts'
import { measuredPath, measuredRequest } from './measured-request.ts'
import type { Case, ClientAuthentication } from './scenario.ts'
import type { TokenPool } from './token-pool.ts'

/** Whose clients they are. */
interface Presenter {
  readonly case: Case
  readonly lab: Lab
}

/** Where an arm's server listens, and what its clients bring. */
export interface Presented {
  readonly port: number
  readonly tokens: TokenPool | null
}

/** SHA-256 of what is asked of every arm: method, path and header names; ports and secrets differ by design. */
export function requestDigest(): string {
  return digest(Buffer.from(`GET ${measuredPath} HTTP/1.1 accept`, 'latin1'))
}

/** SHA-256 in hexadecimal. */
export function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What is asked of an arm's server: by the one good client, or by many in turn. */
export async function createTargets(
  options: Presenter,
  presented: Presented,
): Promise<[LoadTarget, ...LoadTarget[]]> {
  const { issuance } = options.case.scenario.credentials(options.case.parameters)
  if (issuance !== undefined) return [targetOfIssuer(options, presented, issuance)]
  const [first, ...others] = crowdOf(options.lab.settings.clients)
  if (first === undefined) return [targetOfGood(options, presented)]
  const identities = options.case.scenario.credentials(options.case.parameters).certificate
    ? await options.lab.crowd()
    : []
  const target = (member: CrowdMember, index: number) =>
    targetOfMember(options, presented, { member, identity: identities[index] ?? null })
  return [target(first, 0), ...others.map((member, index) => target(member, index + 1))]
}

function targetOfIssuer(
  { case: { parameters }, lab }: Presenter,
  { port }: Presented,
  by: ClientAuthentication,
): LoadTarget {
  const form = parameters['token'] === 'opaque' ? 'opaque' : 'jwt'
  const issuerUrl = `https://127.0.0.1:${port}`
  const { path, headers, body, identity } = issuanceRequest(lab, issuerUrl, { by, form })
  return {
    host: '127.0.0.1',
    port,
    tls: clientTlsOptions(lab, identity),
    path,
    headers,
    body,
    expect: { status: 200, body: null },
  }
}

function targetOfMember(
  options: Presenter,
  { port, tokens }: Presented,
  caller: { readonly member: CrowdMember; readonly identity: Identity | null },
): LoadTarget {
  const { case: trial, lab } = options
  const { scenario, parameters } = trial
  const { token: form, proof = false } = scenario.credentials(parameters)
  if (form === 'opaque' || proof || tokens?.next != null) {
    throw new BenchError(
      'usage',
      `clients=${lab.settings.clients}: only with JWTs, without proofs, tokens or hitRatio: each client has one token of its own`,
    )
  }
  const request = measuredRequest(scenario, {
    orgId: caller.member.orgId,
    bodyBytes: lab.settings.bodyBytes,
  })
  const token = tokens === null ? null : tokenOfMember(lab, tokens.first, caller)
  return {
    host: '127.0.0.1',
    port,
    tls: scenario.tls ? clientTlsOptions(lab, caller.identity) : null,
    path: request.path,
    headers: {
      ...request.headers,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    expect: { status: request.status, body: request.body },
  }
}

function targetOfGood({ case: trial, lab }: Presenter, { port, tokens }: Presented): LoadTarget {
  const { certificate, proof = false } = trial.scenario.credentials(trial.parameters)
  const request = measuredRequest(trial.scenario, { bodyBytes: lab.settings.bodyBytes })
  const url = `https://127.0.0.1:${port}${request.path}`
  const token = tokens?.first ?? null
  const proofs = proof ? createProofs({ key: lab.proofKey, method: 'GET', url, token }) : null
  const next = tokens?.next ?? null
  return {
    host: '127.0.0.1',
    port,
    tls: trial.scenario.tls ? clientTlsOptions(lab, certificate ? lab.good : null) : null,
    path: request.path,
    headers: {
      ...request.headers,
      ...(token === null ? {} : { authorization: `${proof ? 'DPoP' : 'Bearer'} ${token}` }),
    },
    ...(proofs === null ? {} : { ownHeaders: () => ({ dpop: proofs() }) }),
    ...(next === null ? {} : { ownHeaders: () => ({ authorization: `Bearer ${next()}` }) }),
    expect: { status: request.status, body: request.body },
  }
}
