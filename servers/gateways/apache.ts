import { join } from 'node:path'
import type { IssuerConfig, ServerConfig } from '../config.ts'
import { nextHopFiles, nextHopLines, nextHopModules, passLines } from './apache-upstream.ts'
import { paymentOf, paymentPattern, readScope, tenantsOf, tlsName } from './product.ts'
import type { ProductFile, ProductPlan, ProductSetup } from './product.ts'

/**
 * Apache with mod_ssl, and mod_oauth2 for tokens: it verifies signature, times and the binding to the
 * certificate (RFC 8705), and introspects. What else claims must say is asked by rewrite rules, which run
 * when the token has been verified. Payments are files, so that authentication comes before them.
 */
export function planApache(setup: ProductSetup): ProductPlan {
  const { folder, config } = setup
  return {
    files: [
      { name: 'httpd.conf', text: `${apacheConfig(setup).join('\n')}\n` },
      ...nextHopFiles(setup),
    ],
    publicFiles: config.upstream === null ? tenantsOf(config).map(paymentFile) : [],
    args: ['-d', folder, '-f', join(folder, 'httpd.conf'), '-DFOREGROUND'],
  }
}

function paymentFile(orgId: string): ProductFile {
  return { name: `${orgId}.json`, text: paymentOf(orgId) }
}

function apacheConfig(setup: ProductSetup): string[] {
  const { folder, config, port, publicFolder } = setup
  return [
    'ServerName localhost',
    `PidFile ${folder}/httpd.pid`,
    `DefaultRuntimeDir ${folder}`,
    // Those with files could not be opened by a child of another user.
    'Mutex pthread default',
    `Listen ${config.host}:${port}`,
    `ErrorLog ${folder}/error.log`,
    `ErrorLogFormat "%m %l %M"`,
    `LogLevel ${logLevels(config).join(' ')}`,
    // Root reads the keys and binds; those who answer are somebody else.
    ...(setup.isRoot ? ['User #65534', 'Group #65534'] : []),
    ...modulesOf(config).map((name) => loadModule(setup.modules, name)),
    ...processLines(config),
    'TypesConfig /dev/null',
    'KeepAlive On',
    'KeepAliveTimeout 600',
    'MaxKeepAliveRequests 0',
    'LimitRequestFieldSize 16380',
    'ServerTokens Prod',
    'FileETag None',
    `LogFormat "%>s ${resumption(config)} %k %{REASON}e" count`,
    `CustomLog ${folder}/access.log count`,
    `DocumentRoot ${publicFolder}`,
    `<Directory ${publicFolder}>`,
    // Without it rewrite rules are refused.
    '  Options FollowSymLinks',
    '  AllowOverride None',
    '</Directory>',
    '<Location />',
    '  Require all denied',
    '</Location>',
    ...hostLines(setup),
  ]
}

/** Whether the session of a request's connection was resumed; without TLS Apache does not know the word. */
function resumption({ tls }: ServerConfig): string {
  return tls === null ? '-' : '%{SSL_SESSION_RESUMED}x'
}

/** As little as tells why something was refused; a module that is not loaded has none. */
function logLevels({ tls, token }: ServerConfig): string[] {
  return [
    ...['warn', 'core:notice', 'mpm_event:notice'],
    ...(tls === null ? [] : ['ssl:info']),
    ...(token === 'none' ? [] : ['oauth2:error']),
  ]
}

/** One process, unless more are asked for; its threads take turns on the cores that it is given. */
function processLines({ workers }: ServerConfig): string[] {
  return [
    `StartServers ${workers}`,
    `ServerLimit ${workers}`,
    `ThreadLimit ${threads}`,
    `ThreadsPerChild ${threads}`,
    `MaxRequestWorkers ${threads * workers}`,
    `MinSpareThreads 1`,
    `MaxSpareThreads ${threads * workers}`,
    'AsyncRequestWorkerFactor 200',
    'MaxConnectionsPerChild 0',
    'GracefulShutdownTimeout 1',
  ]
}

function hostLines(setup: ProductSetup): string[] {
  const { config, port, publicFolder } = setup
  return [
    `<VirtualHost ${config.host}:${port}>`,
    ...tlsLines(setup).map(indent),
    ...presentationLines(config).map(indent),
    ...nextHopLines(setup).map(indent),
    ...(config.upstream === null
      ? [`  AliasMatch "${paymentPattern}" "${publicFolder}/$1.json"`]
      : []),
    `  <LocationMatch "${paymentPattern.replace('(', '(?<ORG>')}">`,
    ...[
      'ForceType application/json',
      'RewriteEngine On',
      ...authenticationLines(setup),
      ...rewriteLines(config),
      ...passLines(setup),
    ].map((line) => indent(indent(line))),
    '  </LocationMatch>',
    '</VirtualHost>',
  ]
}

function tlsLines({ config }: ProductSetup): string[] {
  const { tls, clients } = config
  if (tls === null) return []
  return [
    'SSLEngine on',
    `SSLProtocol -all +${tlsName(config)}`,
    `SSLCertificateFile ${tls.certificateFile}`,
    `SSLCertificateKeyFile ${tls.keyFile}`,
    ...(clients === null
      ? []
      : [
          `SSLCACertificateFile ${clients.caFile}`,
          `SSLCARevocationFile ${clients.crlFile}`,
          'SSLCARevocationCheck chain',
          'SSLVerifyClient require',
          'SSLVerifyDepth 5',
        ]),
  ]
}

function authenticationLines(setup: ProductSetup): string[] {
  const { config } = setup
  const { clients, token, issuer } = config
  const certificate =
    clients === null
      ? []
      : [block('RequireAny', Object.entries(clients.allowed).map(requireClient))]
  if (token === 'none' || issuer === null)
    return [block('RequireAll', ['Require method GET', ...certificate])]
  return [
    'AuthType oauth2',
    'OAuth2AcceptTokenIn header name=Authorization&type=bearer',
    'OAuth2TargetPass headers=Off&envvars=On&remote_user_claim=client_id',
    ...verifierLines(setup, issuer),
    'AuthzSendForbiddenOnFailure On',
    block('RequireAll', ['Require method GET', 'Require valid-user', ...certificate]),
  ]
}

/** The URI in the certificate, and that the path is of its tenant. */
function requireClient([uri, { orgId }]: [string, { readonly orgId: string }]): string {
  const named = `'URI:${uri}' in PeerExtList('2.5.29.17')`
  return `Require expr "env('MATCH_ORG') == '${orgId}' && ${named}"`
}

function verifierLines(
  { keys, clientSecret, sharedSecret, config }: ProductSetup,
  issuer: IssuerConfig,
): string[] {
  const binding = config.clients === null ? '' : '&type=mtls&mtls.policy=required'
  const cached = config.token === 'opaque' ? issuer.introspectionCacheMs : issuer.tokenCacheMs
  // 0 is not kept: without, it would remember every token for five minutes, whether it has ended or not.
  const expiry = `expiry=${Math.ceil(cached / 1_000)}`
  if (config.token === 'opaque') {
    const credentials = `client_id=${encodeURIComponent(issuer.clientId)}&client_secret=${encodeURIComponent(clientSecret ?? '')}`
    return [
      `OAuth2TokenVerify introspect ${issuer.introspectionEndpoint} "introspect.ssl_verify=false&introspect.auth=client_secret_basic&${credentials}&${expiry}${binding}"`,
    ]
  }
  const slack = issuer.clockToleranceSeconds
  const times = `verify.exp=required&verify.iat=required&verify.iat.slack_before=${yearSeconds}&verify.iat.slack_after=${slack}`
  const options = `${times}&${expiry}${binding}`
  return sharedSecret === null
    ? keys.map(({ jwk }) => `OAuth2TokenVerify jwk '${jwk}' "${options}"`)
    : [`OAuth2TokenVerify base64 ${sharedSecret} "${options}"`]
}

/** How a token is presented (RFC 6750 sections 2 and 3.1): before anybody looks at it. */
function presentationLines({ token }: ServerConfig): string[] {
  if (token === 'none') return []
  const query = ['%{QUERY_STRING}', '(^|&)access_token='] as const
  return [
    'SetEnvIfNoCase Authorization "^bearer +([A-Za-z0-9_-]+)[.]" JWT_HEADER=$1',
    'RewriteEngine On',
    ...refusal('two_authorization_headers', badRequest, ['%{HTTP:Authorization}', ',']),
    ...refusal('token_in_header_and_query', badRequest, ['%{HTTP:Authorization}', '.'], query),
    ...refusal('token_in_query', unauthorized, query),
    `RewriteCond "%{HTTP:Authorization}" "!^bearer( |$)" [NC]`,
    `RewriteRule ^ - [E=REASON:no_token,R=${unauthorized},L]`,
    ...challengeLines,
  ]
}

/** A rule that refuses where all of its conditions hold. */
function refusal(
  reason: string,
  status: number,
  ...conditions: readonly (readonly [value: string, pattern: string])[]
): string[] {
  return [
    ...conditions.map(([value, pattern]) => `RewriteCond "${value}" "${pattern}"`),
    `RewriteRule ^ - [E=REASON:${reason},R=${status},L]`,
  ]
}

/** What mod_oauth2 does not look at, when it has verified the token; in the order in which a client hears of it. */
function rewriteLines({ clients, token, issuer }: ServerConfig): string[] {
  if (token === 'none' || issuer === null) return []
  const rule = (reason: string, status: number, value: string, pattern: string) =>
    refusal(reason, status, [value, pattern])
  const literally = (text: string) => text.replaceAll(/[.+*?^$()[\]{}|\\]/g, '\\$&')
  return [
    ...(token === 'jwt' ? headerRules : []),
    ...rule('wrong_issuer', 401, claim('iss'), `!^${literally(issuer.issuer)}$`),
    ...rule('wrong_audience', 401, claim('aud'), `!^${literally(issuer.audience)}$`),
    ...requiredClaims(token).flatMap((name) => rule('missing_claim', 401, claim(name), '^$')),
    ...(clients === null
      ? rule('bound_token', 401, claim('cnf'), '.')
      : rule('malformed_confirmation', 401, claim('cnf'), `!^\\{[^,]*\\}$`)),
    ...rule('insufficient_scope', 403, claim('scope'), `!(^|\\s)${readScope}(\\s|$)`),
    ...rule('wrong_tenant', 403, `${claim('org_id')} %{ENV:MATCH_ORG}`, '!^(\\S+) \\1$'),
  ]
}

function requiredClaims(token: 'jwt' | 'opaque'): string[] {
  return token === 'jwt' ? ['sub', 'client_id', 'jti', 'exp'] : ['client_id', 'exp']
}

function claim(name: string): string {
  return `%{ENV:OAUTH2_CLAIM_${name}}`
}

function modulesOf(config: ServerConfig): string[] {
  const { tls, token } = config
  return [
    ...['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'mime', 'alias', 'headers'],
    ...['env', 'setenvif', 'rewrite', 'socache_shmcb', 'log_config', 'unixd'],
    ...(tls === null ? [] : ['ssl']),
    ...nextHopModules(config),
    ...(token === 'none' ? [] : ['oauth2']),
  ]
}

/** Some distributions have built a module in that others load. */
function loadModule(folder: string, name: string): string {
  return `<IfModule !${name}_module>\n  LoadModule ${name}_module ${join(folder, `mod_${name}.so`)}\n</IfModule>`
}

function block(name: string, lines: readonly string[]): string {
  return [`<${name}>`, ...lines.map(indent), `</${name}>`].join('\n')
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

/** What the rewrite rules refuse, in words of RFC 6750. */
const challengeLines = [
  `Header always set WWW-Authenticate "Bearer error=\\"insufficient_scope\\", scope=\\"${readScope}\\"" "expr=reqenv('REASON') == 'insufficient_scope'"`,
  `Header always set WWW-Authenticate "Bearer error=\\"invalid_token\\"" "expr=%{REQUEST_STATUS} == 401 && -n reqenv('REASON')"`,
  `Header always set WWW-Authenticate "Bearer" "expr=reqenv('REASON') in {'no_token', 'token_in_query'}"`,
  `Header always set WWW-Authenticate "Bearer error=\\"invalid_request\\"" "expr=%{REQUEST_STATUS} == 400 && -n reqenv('REASON')"`,
]
/** The header of a JWT, which mod_oauth2 passes to nobody: ASCII, so that base64 reads base64url. */
const headerRules = [
  `RewriteCond expr "! unbase64(reqenv('JWT_HEADER')) =~ m#\\x22typ\\x22:\\x22at[+]jwt\\x22#"`,
  'RewriteRule ^ - [E=REASON:wrong_type,R=401,L]',
  `RewriteCond expr "unbase64(reqenv('JWT_HEADER')) =~ m#\\x22(crit|jwk|jku|x5c|x5u)\\x22#"`,
  'RewriteRule ^ - [E=REASON:embedded_key,R=401,L]',
]
const badRequest = 400
const unauthorized = 401
const threads = 64
const yearSeconds = 31_536_000
