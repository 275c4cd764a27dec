import { join } from 'node:path'
import type { IssuerConfig, ServerConfig } from '../config.ts'
import { nextHopFiles, nextHopSections, ownTokenRule, passRules } from './haproxy-upstream.ts'
import { nextHopOf, paymentOf, paymentPattern, readScope, subjectsOf, tlsName } from './product.ts'
import type { IssuerKey, ProductFile, ProductPlan, ProductSetup } from './product.ts'

/**
 * HAProxy: TLS, client certificates with CRL, JWTs. `jwt_verify` checks the signature alone: what the header
 * and the claims must say are rules here, each of which refuses unless it holds, so that a claim that is
 * missing or of another type refuses too. The client's certificate is read once a connection.
 */
export function planHaproxy(setup: ProductSetup): ProductPlan {
  const { folder, config, keys, serverPem } = setup
  const { clients } = config
  const files: ProductFile[] = [
    { name: 'haproxy.cfg', text: haproxyConfig(setup) },
    ...keys.map((key, index) => ({ name: keyFile(index), text: key.pem })),
    ...nextHopFiles(setup),
  ]
  if (serverPem !== null) files.push({ name: 'server.pem', text: serverPem })
  if (clients !== null) {
    const lines = subjectsOf(clients).map((pair) => pair.join(' '))
    files.push({ name: 'tenants.map', text: `${lines.join('\n')}\n` })
  }
  return {
    files,
    publicFiles: [],
    args: ['-W', '-db', '-f', join(folder, 'haproxy.cfg')],
  }
}

function haproxyConfig(setup: ProductSetup): string {
  const { folder, config, logPort } = setup
  return section([
    [
      'global',
      `nbthread ${config.workers}`,
      `stats socket ${folder}/stats.sock mode 600 level admin`,
      `log 127.0.0.1:${logPort} format raw local0`,
      'hard-stop-after 1s',
      'tune.ssl.lifetime 300',
    ],
    [
      'defaults',
      'mode http',
      'timeout client 600s',
      'timeout http-keep-alive 600s',
      'timeout http-request 30s',
    ],
    [
      'frontend gateway',
      `bind ${config.host}:${setup.port}${bindOptions(setup)}`,
      'log global',
      `log-format "%ST %[var(txn.refusal)]"`,
      `error-log-format "tls %[ssl_c_err] %[ssl_fc_err_str]"`,
      ...connectionRules(setup),
      'http-request set-log-level silent',
      ...requestRules(setup),
    ],
    ...nextHopSections(setup),
  ])
}

function bindOptions({ folder, config }: ProductSetup): string {
  const { tls, clients } = config
  if (tls === null) return ''
  const version = tlsName(config)
  const mutual =
    clients === null ? '' : ` verify required ca-file ${clients.caFile} crl-file ${clients.crlFile}`
  return ` ssl crt ${folder}/server.pem ssl-min-ver ${version} ssl-max-ver ${version} alpn http/1.1${mutual}`
}

/** Once a connection: the tenant of the certificate, and its thumbprint where tokens are bound to it. */
function connectionRules({ folder, config: { clients, token } }: ProductSetup): string[] {
  if (clients === null) return []
  const set = (name: string, fetch: string) => `tcp-request session set-var(sess.${name}) ${fetch}`
  return [
    set('tenant', `ssl_c_s_dn(CN),map_str(${folder}/tenants.map)`),
    ...(token === 'none' ? [] : [set('thumbprint', 'ssl_c_der,sha2(256),ub64enc')]),
  ]
}

function requestRules(setup: ProductSetup): string[] {
  const { config } = setup
  return [
    'http-request set-var(txn.org) path,field(4,/)',
    `http-request return status 404 content-type application/json string '{"error":"not_found"}' unless { path_reg ${paymentPattern} } METH_GET`,
    ...(config.token === 'none' ? [] : variableRules(config)),
    // The last one that applies is told: those that a client is to hear of first stand last.
    ...ownTokenRules(setup),
    ...tenantRules(config),
    ...(config.token === 'jwt' && config.issuer !== null ? tokenRules(setup, config.issuer) : []),
    ...certificateRules(config),
    ...answerRules(config),
    'http-request set-log-level info',
    ...refusals.map(refusalRule),
    'http-request deny deny_status 403 if { var(txn.refusal) -m found }',
    ...passingRules(config),
  ]
}

function refusalRule({ prefix, status, error, header }: RefusalClass): string {
  const told = header === undefined ? '' : ` hdr ${header[0]} '${header[1]}'`
  return `http-request return status ${status}${told} content-type application/json string '{"error":"${error}"}' if { var(txn.refusal) -m beg ${prefix} }`
}

/** Who admits a request answers it himself, where there is no other hop. */
function answerRules(config: ServerConfig): string[] {
  if (nextHopOf(config) !== null) return []
  const answer = `content-type application/json lf-string '${paymentOf('%[var(txn.org)]')}'`
  return [`http-request return status 200 ${answer} unless { var(txn.refusal) -m found }`]
}

function passingRules(config: ServerConfig): string[] {
  const next = nextHopOf(config)
  return next === null ? [] : passRules(next)
}

function ownTokenRules({ ownTokens, folder }: ProductSetup): string[] {
  if (ownTokens === null) return []
  const missing = 'unless { var(txn.own_token) -m found }'
  return [ownTokenRule(folder), refuse('unavailable:own_token_unavailable', missing)]
}

/** What rules of tokens read, set once. */
function variableRules({ issuer }: ServerConfig): string[] {
  const slack = String(issuer?.clockToleranceSeconds ?? 0)
  return variables.map(([name, fetch]) =>
    `http-request set-var(txn.${name}) ${fetch}`.replaceAll('$slack', slack),
  )
}

/** One class of refusals: names of reasons begin with its prefix. */
interface RefusalClass {
  readonly prefix: string
  readonly status: number
  readonly error: string
  readonly header?: readonly [name: string, value: string]
}

function certificateRules({ clients }: ServerConfig): string[] {
  return clients === null
    ? []
    : [refuse('forbidden:identity_not_allowed', 'unless { var(sess.tenant) -m found }')]
}

function tenantRules({ clients, token }: ServerConfig): string[] {
  const same = (of: string) => `unless { ${of},strcmp(txn.org) -m int 0 }`
  return [
    ...(clients === null ? [] : [refuse('forbidden:wrong_tenant', same('var(sess.tenant)'))]),
    ...(token === 'none' ? [] : [refuse('forbidden:wrong_tenant', same(claim('org_id')))]),
  ]
}

function tokenRules(
  { keys, folder, config }: ProductSetup,
  { issuer, audience }: IssuerConfig,
): string[] {
  const bad = (reason: string, condition: string) => refuse(`invalid:${reason}`, condition)
  const text = (value: string) => `-m str ${value}`
  return [
    refuse(
      'scope:insufficient_scope',
      `unless { ${claim('scope')} -m reg '(^| )${readScope}( |$)' }`,
    ),
    ...bindingRules(config),
    bad('wrong_audience', `unless { ${claim('aud')} ${text(audience)} }`),
    bad('wrong_issuer', `unless { ${claim('iss')} ${text(issuer)} }`),
    ...['jti', 'client_id', 'sub'].map((name) =>
      bad('missing_claim', `unless { ${claim(name)} -m len gt 0 }`),
    ),
    // An unset variable makes no sample, and no sample makes no match.
    bad('token_not_yet_valid', `if ${has('nbf')} !{ var(txn.late),sub(txn.nbf) -m int ge 0 }`),
    bad('issued_in_future', `unless { var(txn.late),sub(txn.iat) -m int ge 0 }`),
    bad('token_expired', `unless { var(txn.exp),sub(txn.early) -m int gt 0 }`),
    bad('wrong_type', `unless { ${header('typ')} -m str -i at+jwt application/at+jwt }`),
    bad('bad_signature', `unless ${signed(keys, folder)}`),
    bad(
      'unknown_key',
      `unless { ${header('kid')} -m str -- ${keys.map(({ kid }) => kid).join(' ')} }`,
    ),
    bad('algorithm_not_allowed', `unless { var(txn.alg) -m str ${keys[0]?.algorithm ?? 'none'} }`),
    bad('unknown_critical', `if { var(txn.header) -m sub '"crit"' }`),
    bad('embedded_key', `if { var(txn.header) -m sub '"jwk"' '"jku"' '"x5c"' '"x5u"' }`),
    bad('malformed_token', `unless { var(txn.token) -m reg '${threeParts}' }`),
    ...presentationRules(),
  ]
}

/** How a token is presented (RFC 6750 sections 2 and 3.1). */
function presentationRules(): string[] {
  const [inHeader, inQuery] = [
    '{ req.fhdr_cnt(authorization) gt 0 }',
    '{ url_param(access_token) -m found }',
  ]
  return [
    refuse('none:no_token', `unless { req.fhdr(authorization) -m reg -i '^bearer( |$)' }`),
    refuse('none:token_in_query', `if ${inQuery}`),
    refuse('request:token_in_header_and_query', `if ${inHeader} ${inQuery}`),
    refuse('request:two_authorization_headers', 'if { req.fhdr_cnt(authorization) gt 1 }'),
  ]
}

function bindingRules({ clients }: ServerConfig): string[] {
  const confirmed = `{ var(txn.claims) -m sub '"cnf"' }`
  if (clients === null) return [refuse('invalid:bound_token', `if ${confirmed}`)]
  return [
    refuse(
      'invalid:binding_mismatch',
      `unless { ${claim('cnf.x5t#S256')},strcmp(sess.thumbprint) -m int 0 }`,
    ),
    refuse(
      'invalid:malformed_confirmation',
      `if ${confirmed} !{ var(txn.claims) -m reg '${onlyThumbprint}' }`,
    ),
    refuse('invalid:unbound_token', `unless ${confirmed}`),
  ]
}

/** By any of the keys, each under its own name, which may begin like an option. */
function signed(keys: readonly IssuerKey[], folder: string): string {
  return keys
    .map(
      ({ kid }, index) =>
        `{ ${header('kid')} -m str -- ${kid} } { var(txn.token),jwt_verify(txn.alg,"${join(folder, keyFile(index))}") -m int 1 }`,
    )
    .join(' or ')
}

function refuse(reason: string, condition: string): string {
  return `http-request set-var(txn.refusal) str(${reason}) ${condition}`
}

function claim(name: string): string {
  return `var(txn.token),jwt_payload_query('$.${name}')`
}

function header(name: string): string {
  return `var(txn.token),jwt_header_query('$.${name}')`
}

function has(name: string): string {
  return `{ var(txn.${name}) -m found }`
}

function keyFile(index: number): string {
  return `issuer-${index}.pem`
}

/** Sections of a configuration: the first line names one, the others are its directives. */
function section(sections: readonly (readonly string[])[]): string {
  return sections
    .map(([head, ...lines]) => [head, ...lines.map((line) => `  ${line}`)].join('\n'))
    .join('\n\n')
    .concat('\n')
}

const number = (name: string) => `var(txn.token),jwt_payload_query('$.${name}','int')`
const variables: readonly (readonly [name: string, fetch: string])[] = [
  ['token', 'http_auth_bearer'],
  ['header', "var(txn.token),field(1,'.'),ub64dec"],
  ['claims', "var(txn.token),field(2,'.'),ub64dec"],
  ['alg', header('alg')],
  ['exp', number('exp')],
  ['iat', number('iat')],
  ['nbf', number('nbf')],
  // Seconds before and after which a time is too old or too new.
  ['early', 'date(-$slack)'],
  ['late', 'date($slack)'],
]
const refusals: readonly RefusalClass[] = [
  {
    prefix: 'request:',
    status: 400,
    error: 'invalid_request',
    header: ['www-authenticate', 'Bearer error="invalid_request"'],
  },
  {
    prefix: 'none:',
    status: 401,
    error: 'unauthorized',
    header: ['www-authenticate', 'Bearer'],
  },
  {
    prefix: 'invalid:',
    status: 401,
    error: 'unauthorized',
    header: ['www-authenticate', 'Bearer error="invalid_token"'],
  },
  {
    prefix: 'scope:',
    status: 403,
    error: 'forbidden',
    header: ['www-authenticate', `Bearer error="insufficient_scope", scope="${readScope}"`],
  },
  { prefix: 'forbidden:', status: 403, error: 'forbidden' },
  { prefix: 'unavailable:', status: 503, error: 'unavailable', header: ['retry-after', '1'] },
]
const threeParts = '^[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]*$'
const onlyThumbprint = '"cnf":{"x5t#S256":"[A-Za-z0-9_-]{43}"}'
