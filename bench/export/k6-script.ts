import { k6Head } from './k6-head.ts'
import {
  credentialFiles,
  credentialFilesOf,
  exampleUrl,
  type K6Plan,
  type K6Token,
} from './k6-plan.ts'
import { decimal, literal } from './literal.ts'

/** The k6 script of a plan: an ES module without dependencies, the same for the same plan. */
export function k6Script(plan: K6Plan): string {
  const parts = [
    k6Head(plan),
    importsOf(plan),
    settingsOf(plan),
    optionsOf(plan),
    setupOf(plan),
    measuredOf(plan),
    ...(plan.token === null ? [] : [tokenOf(plan.token)]),
    plan.certificate ? helpers + hostHelper : helpers,
  ]
  return parts.join('\n')
}

function importsOf({ token }: K6Plan): string {
  const encoding = token?.authentication === 'secret' ? "import encoding from 'k6/encoding'\n" : ''
  return `import { check } from 'k6'\n${encoding}import http from 'k6/http'\n`
}

function settingsOf(plan: K6Plan): string {
  const { url, token } = plan
  const set = (name: string, variable: string, fallback: string) =>
    `const ${name} = setting('${variable}', ${literal(fallback)})\n`
  const secret =
    token?.authentication === 'secret'
      ? `const clientSecret = credentials === '' ? '' : open(\`\${credentials}/${credentialFiles.secret}\`).trim()\n`
      : ''
  return [
    set('url', 'TARGET_URL', url?.href ?? ''),
    ...(token === null
      ? []
      : [
          set('tokenUrl', 'TOKEN_URL', token.url?.href ?? ''),
          set('clientId', 'CLIENT_ID', token.clientId),
          set('scope', 'SCOPE', token.scope),
          set('resource', 'RESOURCE', token.resource),
        ]),
    credentialFilesOf(plan).length === 0 ? '' : set('credentials', 'CREDENTIALS', ''),
    secret,
    `const rightStatus = http.expectedStatuses(${plan.request.status})\n`,
    plan.request.body === null ? '' : `const rightBody = ${literal(plan.request.body)}\n`,
  ].join('')
}

function optionsOf(plan: K6Plan): string {
  const { load, virtualUsers, tlsVersion, mostDropped } = plan
  const version = tlsVersion === null ? '' : `http.TLS_${tlsVersion.replace('.', '_')}`
  const tls = tlsVersion === null ? '' : `  tlsVersion: { min: ${version}, max: ${version} },\n`
  return `/** @type {import('k6/options').Options} */
export const options = {
  scenarios: {
    measured: {
      executor: 'constant-arrival-rate',
      rate: ${load.ratePerSecond},
      timeUnit: '1s',
      duration: '${load.durationSeconds}s',
      // Little's law: ${load.ratePerSecond}/s x ${decimal(load.sloP99Ms)} ms are under way, and twice that, for first iterations also connect.
      preAllocatedVUs: ${virtualUsers.preAllocated},
      maxVUs: ${virtualUsers.most},
    },
  },
  thresholds: {
    'http_req_duration{request:measured}': ['p(99)<=${decimal(load.sloP99Ms)}'],
    'http_req_failed{request:measured}': ['rate<=${decimal(load.errorShare)}'],
    'checks{request:measured}': ['rate>=${decimal(1 - load.errorShare)}'],
    // What was not sent is in no other figure${load.seats > 1 ? `; of each of ${load.seats} runners` : ''}.
    dropped_iterations: ['count<=${mostDropped}'],
  },
${tls}${plan.certificate ? tlsAuthOf(plan) : ''}  maxRedirects: 0,
  discardResponseBodies: true,
  summaryTrendStats: ['med', 'p(90)', 'p(99)', 'p(99.9)', 'max'],
}
`
}

function tlsAuthOf({ token }: K6Plan): string {
  const hosts = token === null ? '[hostOf(url)]' : '[hostOf(url), hostOf(tokenUrl)]'
  return `  tlsAuth:
    credentials === ''
      ? []
      : [
          {
            domains: ${hosts},
            cert: open(\`\${credentials}/${credentialFiles.certificate}\`),
            key: open(\`\${credentials}/${credentialFiles.key}\`),
          },
        ],
`
}

/** Before any load: what is not set is told, and the good credential gets its answer. */
function setupOf(plan: K6Plan): string {
  const { token } = plan
  const files = credentialFilesOf(plan)
  const need = (name: string, variable: string, what: string) =>
    `  if (${name} === '')\n    throw new Error(${literal(`${variable} is not set: give ${what}`)})\n`
  return `export function setup() {
${need('url', 'TARGET_URL', `the whole URL that is asked, as ${exampleUrl(plan)}`)}${
    token === null
      ? ''
      : need('tokenUrl', 'TOKEN_URL', 'the token endpoint') +
        need('clientId', 'CLIENT_ID', 'the registered client')
  }${files.length === 0 ? '' : need('credentials', 'CREDENTIALS', `the folder of ${files.join(', ')}`)}  const response = ask('setup')
  if (response.status !== ${plan.request.status})
    throw new Error(\`the good credential got status \${response.status} \${response.error}\`)
}
`
}

function measuredOf({ request, token }: K6Plan): string {
  const headers = Object.entries(request.headers)
    .map(([name, value]) => `${literal(name)}: ${literal(value)}`)
    .concat(token === null ? [] : ['authorization: `Bearer ${accessToken()}`'])
  const isBodyKnown = request.body !== null
  const bodyCheck = isBodyKnown
    ? "      'body is the expected one': ({ body }) => body === rightBody,\n"
    : ''
  return `export default function () {
  const response = ask('measured')
  check(
    response,
    {
      'status is ${request.status}': ({ status }) => status === ${request.status},
${bodyCheck}    },
    { request: 'measured' },
  )
}

function ask(request) {
  return http.request(${literal(request.method)}, url, null, {
    headers: { ${headers.join(', ')} },
    // A name, or the whole URL would be a tag of every sample.
    tags: { request, name: request },
    responseCallback: rightStatus,
    responseType: ${isBodyKnown ? "'text'" : "'none'"},
    timeout: '${requestTimeoutSeconds}s',
  })
}
`
}

function tokenOf({ authentication }: K6Token): string {
  const [form, headers] =
    authentication === 'certificate'
      ? ["{ grant_type: 'client_credentials', client_id: clientId }", '{}']
      : ["{ grant_type: 'client_credentials' }", '{ authorization: basic(clientId, clientSecret) }']
  return `// Each virtual user has a runtime of its own, and so a token of its own.
let token = { value: '', renewAtMs: 0 }

function accessToken() {
  if (Date.now() < token.renewAtMs) return token.value
  const askedAtMs = Date.now()
  const form = ${form}
  if (scope !== '') form.scope = scope
  if (resource !== '') form.resource = resource
  const response = http.post(tokenUrl, form, {
    headers: ${headers},
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
  token = { value: String(response.json('access_token')), renewAtMs }
  return token.value
}
${authentication === 'secret' ? basicHelper : ''}`
}

const basicHelper = `
// RFC 6749 section 2.3.1: both are form-encoded first.
function basic(id, secret) {
  const encoded = (text) =>
    encodeURIComponent(text)
      .replace(/[!'()*]/g, (sign) => '%' + sign.charCodeAt(0).toString(16).toUpperCase())
      .replace(/%20/g, '+')
  return \`Basic \${encoding.b64encode(\`\${encoded(id)}:\${encoded(secret)}\`)}\`
}
`
const helpers = `function setting(name, fallback) {
  return __ENV[name] === undefined ? fallback : __ENV[name]
}
`
const hostHelper = `
function hostOf(address) {
  const [, host = ''] = /^https?:\\/\\/(\\[[^\\]]*\\]|[^:/?#]*)/.exec(address) || []
  return host.replace(/[[\\]]/g, '')
}
`
/** As long as the open loop of trustbench waits. */
export const requestTimeoutSeconds = 10
/** A token that does not say how long it lives is fetched anew each minute. */
const unknownLifeSeconds = 60
