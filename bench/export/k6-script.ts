import { k6Head } from './k6-head.ts'
import {
  credentialFiles,
  credentialFilesOf,
  exampleUrl,
  requestTimeoutSeconds,
  type K6Plan,
} from './k6-plan.ts'
import { isEncoding, k6Token } from './k6-token.ts'
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
    ...(plan.token === null ? [] : [k6Token(plan.token)]),
    plan.certificate ? helpers + hostHelper : helpers,
  ]
  return parts.join('\n')
}

function importsOf({ token }: K6Plan): string {
  const encoding = isEncoding(token) ? "import encoding from 'k6/encoding'\n" : ''
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
  const { async, wait } = wordsOf(token)
  return `export ${async}function setup() {
${need('url', 'TARGET_URL', `the whole URL that is asked, as ${exampleUrl(plan)}`)}${
    token === null
      ? ''
      : need('tokenUrl', 'TOKEN_URL', 'the token endpoint') +
        need('clientId', 'CLIENT_ID', 'the registered client')
  }${files.length === 0 ? '' : need('credentials', 'CREDENTIALS', `the folder of ${files.join(', ')}`)}  const response = ${wait}ask('setup')
  if (response.status !== ${plan.request.status})
    throw new Error(\`the good credential got status \${response.status} \${response.error}\`)
}
`
}

function measuredOf({ request, token }: K6Plan): string {
  const { async, wait } = wordsOf(token)
  const method = literal(request.method)
  const isProof = token?.proof === true
  const headers = [
    ...Object.entries(request.headers).map(
      ([name, value]) => `${literal(name)}: ${literal(value)}`,
    ),
    ...(token === null ? [] : [`authorization: \`${isProof ? 'DPoP' : 'Bearer'} \${token}\``]),
    ...(isProof ? ['dpop: proof'] : []),
  ]
  const fetching = token === null ? '' : `  const token = ${wait}accessToken()\n`
  const proving = isProof ? `  const proof = await proofOf(${method}, url, token)\n` : ''
  const isBodyKnown = request.body !== null
  const bodyCheck = isBodyKnown
    ? "      'body is the expected one': ({ body }) => body === rightBody,\n"
    : ''
  return `export default ${async}function () {
  const response = ${wait}ask('measured')
  check(
    response,
    {
      'status is ${request.status}': ({ status }) => status === ${request.status},
${bodyCheck}    },
    { request: 'measured' },
  )
}

${async}function ask(request) {
${fetching}${proving}  return http.request(${method}, url, null, {
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

/** With proofs, which are signed by promises, all that makes requests waits for them. */
function wordsOf(token: K6Plan['token']): { readonly async: string; readonly wait: string } {
  return token?.proof === true ? { async: 'async ', wait: 'await ' } : { async: '', wait: '' }
}

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
