// Checks of tokens inside nginx, in the JavaScript of njs 0.7: no destructuring, no optional chaining, and
// nothing that lives longer than a request, so that keys are imported anew each time. Constants stand first and
// are `var`: an async function does not find others.
import hash from 'crypto'

// CONFIG: written here for nginx, as `var config = {…}`.
var errors = { 400: 'invalid_request', 401: 'unauthorized', 403: 'forbidden', 503: 'unavailable' }
var embedded = ['jwk', 'jku', 'x5c', 'x5u']
var required = ['exp', 'iat', 'sub', 'client_id', 'jti', 'aud', 'iss']
var texts = ['sub', 'client_id', 'jti']
var verify = ['verify']
var algorithms = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
  HS256: { name: 'HMAC', hash: 'SHA-256' },
}

async function pay(r) {
  const refusal = await refusalOf(r)
  if (refusal !== null) return refuse(r, refusal)
  if (config.payment === null) return r.internalRedirect('@pass')
  r.headersOut['Content-Type'] = 'application/json'
  r.return(200, config.payment.replace('$org', r.variables.org))
}

function refuse(r, refusal) {
  r.variables.reason = refusal.reason
  if (refusal.challenge) r.headersOut['WWW-Authenticate'] = refusal.challenge
  if (refusal.status === 503) r.headersOut['Retry-After'] = '1'
  r.headersOut['Content-Type'] = 'application/json'
  r.return(refusal.status, JSON.stringify({ error: errors[refusal.status] }))
}

/** Null for a request that may pass. */
async function refusalOf(r) {
  if (config.mutual && r.variables.tenant === '') return forbidden('identity_not_allowed')
  const token = bearerOf(r)
  if (typeof token !== 'string') return token
  const checked = config.form === 'jwt' ? await verified(token) : await introspected(r, token)
  if (checked.reason !== undefined) return checked
  return bindingFault(r, checked.cnf) || scopeFault(checked.scope) || tenantFault(r, checked.org_id)
}

function bearerOf(r) {
  const sent = r.rawHeadersIn.filter((header) => header[0].toLowerCase() === 'authorization')
  const inQuery = r.args.access_token !== undefined
  if (sent.length > 1) return badRequest('two_authorization_headers')
  if (sent.length === 1 && inQuery) return badRequest('token_in_header_and_query')
  if (inQuery) return { status: 401, reason: 'token_in_query', challenge: 'Bearer' }
  if (sent.length === 0 || !/^bearer(?: |$)/i.test(sent[0][1])) {
    return { status: 401, reason: 'no_token', challenge: 'Bearer' }
  }
  const match = /^bearer +([A-Za-z0-9_.~+/-]+=*)$/i.exec(sent[0][1])
  return match === null ? invalid('malformed_token') : match[1]
}

/** Claims of a JWT that is sound (RFC 9068, RFC 8725), or why it is not. */
async function verified(token) {
  const parts = token.split('.')
  if (parts.length !== 3) return invalid('malformed_token')
  const header = parsed(Buffer.from(parts[0], 'base64url'))
  const claims = parsed(Buffer.from(parts[1], 'base64url'))
  if (header === null || claims === null) return invalid('malformed_token')
  if (embedded.some((name) => header[name] !== undefined)) return invalid('embedded_key')
  if (header.crit !== undefined) return invalid('unknown_critical')
  if (header.alg !== config.algorithm) return invalid('algorithm_not_allowed')
  const key = config.sharedSecret === null ? keyOf(header.kid) : { secret: config.sharedSecret }
  if (key === undefined) return invalid('unknown_key')
  if (!(await isSigned(parts, key))) return invalid('bad_signature')
  if (!/^(?:application\/)?at\+jwt$/i.test(String(header.typ))) return invalid('wrong_type')
  const fault = claimFault(claims)
  return fault === null ? claims : invalid(fault)
}

function keyOf(kid) {
  return config.keys.find((one) => one.kid === kid)
}

async function isSigned(parts, key) {
  const how = algorithms[config.algorithm]
  try {
    const made = key.secret
      ? await crypto.subtle.importKey('raw', Buffer.from(key.secret, 'base64'), how, false, verify)
      : await crypto.subtle.importKey('spki', Buffer.from(key.spki, 'base64'), how, false, verify)
    const signature = Buffer.from(parts[2], 'base64url')
    return await crypto.subtle.verify(how, made, signature, Buffer.from(`${parts[0]}.${parts[1]}`))
  } catch (e) {
    return false
  }
}

function claimFault(claims) {
  if (required.some((name) => claims[name] === undefined)) return 'missing_claim'
  if (texts.some((name) => typeof claims[name] !== 'string')) return 'malformed_claim'
  const now = Math.floor(Date.now() / 1000)
  const slack = config.clockToleranceSeconds
  if (typeof claims.exp !== 'number' || typeof claims.iat !== 'number') return 'malformed_claim'
  if (claims.exp <= now - slack) return 'token_expired'
  if (claims.iat > now + slack) return 'issued_in_future'
  if (claims.nbf !== undefined && !(claims.nbf <= now + slack)) return 'token_not_yet_valid'
  if (claims.iss !== config.issuer) return 'wrong_issuer'
  return isAudience(claims.aud) ? null : 'wrong_audience'
}

/** What the issuer says of a token (RFC 7662); anything but a sound `active: true` refuses. */
async function introspected(r, token) {
  const reply = await r.subrequest('/introspection', { args: `token=${encodeURIComponent(token)}` })
  if (reply.status === 401) return unavailable('introspection_unauthorized')
  if (reply.status === 400) return invalid('token_not_introspectable')
  if (reply.status >= 500) return unavailable('issuer_unavailable')
  if (reply.status !== 200) return unavailable('introspection_refused')
  const type = String(reply.headersOut['Content-Type']).split(';')[0].trim().toLowerCase()
  const answer = type === 'application/json' ? parsed(reply.responseBuffer) : null
  if (answer === null) return unavailable('introspection_not_json')
  if (answer.active === false) return invalid('token_inactive')
  if (answer.active !== true) return unavailable('introspection_malformed')
  if (typeof answer.exp !== 'number') return invalid('missing_claim')
  if (answer.exp * 1000 <= Date.now()) return invalid('token_expired')
  if (answer.iss !== config.issuer) return invalid('wrong_issuer')
  if (!isAudience(answer.aud)) return invalid('wrong_audience')
  return typeof answer.client_id === 'string' ? answer : invalid('missing_claim')
}

function isAudience(aud) {
  return Array.isArray(aud) ? aud.includes(config.audience) : aud === config.audience
}

/** RFC 8705 section 3; a server that takes bearer tokens must not take a bound one for that. */
function bindingFault(r, cnf) {
  if (!config.mutual) return cnf === undefined ? null : invalid('bound_token')
  if (cnf === undefined) return invalid('unbound_token')
  if (typeof cnf !== 'object' || cnf === null || Object.keys(cnf).length !== 1) {
    return invalid('malformed_confirmation')
  }
  const thumbprint = cnf['x5t#S256']
  if (typeof thumbprint !== 'string') return invalid('malformed_confirmation')
  return thumbprint === thumbprintOf(r) ? null : invalid('binding_mismatch')
}

function thumbprintOf(r) {
  const base64 = r.variables.ssl_client_raw_cert.replace(/-----[^-]+-----|\s/g, '')
  return hash.createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64url')
}

function scopeFault(scope) {
  if (typeof scope === 'string' && scope.split(' ').includes(config.readScope)) return null
  return {
    status: 403,
    reason: 'insufficient_scope',
    challenge: `Bearer error="insufficient_scope", scope="${config.readScope}"`,
  }
}

function tenantFault(r, orgId) {
  if (orgId !== r.variables.org) return forbidden('wrong_tenant')
  return config.mutual && r.variables.tenant !== orgId ? forbidden('wrong_tenant') : null
}

function parsed(bytes) {
  try {
    const value = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null ? value : null
  } catch (e) {
    return null
  }
}

function forbidden(reason) {
  return { status: 403, reason }
}

function badRequest(reason) {
  return { status: 400, reason, challenge: 'Bearer error="invalid_request"' }
}

function invalid(reason) {
  return { status: 401, reason, challenge: 'Bearer error="invalid_token"' }
}

function unavailable(reason) {
  return { status: 503, reason }
}

export default { pay }
