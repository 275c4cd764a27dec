import { requestTimeoutSeconds, type K6Token } from './k6-plan.ts'

/** The functions by which a script fetches its tokens, and proves that it has the key of those that are bound to one. */
export function k6Token(token: K6Token): string {
  const { authentication, proof } = token
  return [
    fetching(token),
    ...(authentication === 'secret' ? [basicHelper] : []),
    ...(proof ? [proofHelpers] : []),
  ].join('\n')
}

/** Whether those functions import k6/encoding. */
export function isEncoding(token: K6Token | null): boolean {
  return token !== null && (token.authentication === 'secret' || token.proof)
}

function fetching({ authentication, proof }: K6Token): string {
  const client = authentication === 'certificate' ? ', client_id: clientId' : ''
  const headers = [
    ...(authentication === 'secret' ? ['authorization: basic(clientId, clientSecret)'] : []),
    ...(proof ? ["dpop: await proofOf('POST', tokenUrl, null)"] : []),
  ]
  return `// Each virtual user has a runtime of its own, and so a token of its own.
let kept = { token: '', renewAtMs: 0 }

${proof ? 'async ' : ''}function accessToken() {
  if (Date.now() < kept.renewAtMs) return kept.token
  const askedAtMs = Date.now()
  const form = { grant_type: 'client_credentials'${client} }
  if (scope !== '') form.scope = scope
  if (resource !== '') form.resource = resource
  const response = http.post(tokenUrl, form, {
    headers: {${headers.length === 0 ? '' : ` ${headers.join(', ')} `}},
    tags: { request: 'token', name: 'token' },
    responseCallback: http.expectedStatuses(200),
    responseType: 'text',
    timeout: '${requestTimeoutSeconds}s',
  })
  const isToken = ({ status }) => status === 200
  // Without a token no request is sent: the check makes it count as one that failed.
  const request = isToken(response) ? 'token' : 'measured'
  if (!check(response, { 'token was issued': isToken }, { request }))
    throw new Error(\`no token: status \${response.status} \${response.error}\`)
  // RFC 6749 section 5.1 lets it be left out.
  const lifeSeconds = Number(response.json('expires_in')) || ${unknownLifeSeconds}
  // Ahead of its end, and not all virtual users at once.
  const renewAtMs = askedAtMs + (0.7 + 0.2 * Math.random()) * 1000 * lifeSeconds
  kept = { token: String(response.json('access_token')), renewAtMs }
  return kept.token
}
`
}

const basicHelper = `// RFC 6749 section 2.3.1: both are form-encoded first.
function basic(id, secret) {
  const encoded = (text) =>
    encodeURIComponent(text)
      .replace(/[!'()*]/g, (sign) => '%' + sign.charCodeAt(0).toString(16).toUpperCase())
      .replace(/%20/g, '+')
  return \`Basic \${encoding.b64encode(\`\${encoded(id)}:\${encoded(secret)}\`)}\`
}
`
const proofHelpers = `let identity = null

// A proof of the key that the token is bound to, good once (RFC 9449 section 4.2).
async function proofOf(method, address, token) {
  if (identity === null) identity = await createIdentity()
  const iat = Math.floor(Date.now() / 1000)
  const htu = address.replace(/[?#].*$/, '')
  const claims = { jti: crypto.randomUUID(), htm: method, htu, iat }
  if (token !== null) claims.ath = base64url(await crypto.subtle.digest('SHA-256', bytesOf(token)))
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: identity.jwk }
  const input = [header, claims].map((part) => base64url(JSON.stringify(part))).join('.')
  const algorithm = { name: 'ECDSA', hash: { name: 'SHA-256' } }
  const signature = await crypto.subtle.sign(algorithm, identity.privateKey, bytesOf(input))
  return \`\${input}.\${base64url(signature)}\`
}

// Each virtual user has a key of its own, which is in no file.
async function createIdentity() {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey, publicKey } = await crypto.subtle.generateKey(curve, false, ['sign', 'verify'])
  // Not as a JWK: k6 leaves out zeros at the front of a coordinate, which RFC 7518 section 6.2.1.2 does not.
  const point = await crypto.subtle.exportKey('raw', publicKey)
  const [x, y] = [base64url(point.slice(1, 33)), base64url(point.slice(33, 65))]
  return { privateKey, jwk: { kty: 'EC', crv: 'P-256', x, y } }
}

function base64url(data) {
  return encoding.b64encode(data, 'rawurl')
}

function bytesOf(text) {
  return new Uint8Array(text.split('').map((sign) => sign.charCodeAt(0)))
}
`
/** A token that does not say how long it lives is fetched anew each minute. */
const unknownLifeSeconds = 60
