import { join } from 'node:path'
import type { ServerConfig } from '../config.ts'
import { nextHopOf, paymentPathOf, upstreamTimeoutSeconds } from './product.ts'
import type { NextHop, ProductFile, ProductSetup } from './product.ts'

/** Apache in front of another hop, for its whole server; empty where it answers itself. */
export function nextHopLines(setup: ProductSetup): string[] {
  const next = nextHopOf(setup.config)
  if (next === null) return []
  return [
    'ProxyAddHeaders Off',
    ...tlsLines(next, setup.folder),
    // What is named here keeps its connections; a next hop that was gone is asked again at once.
    `<Proxy "${originOf(next)}/">`,
    `  ProxySet disablereuse=Off keepalive=On ttl=600 max=64 retry=0 ${timeouts}`,
    '</Proxy>',
  ]
}

/** Files of `nextHopLines`. */
export function nextHopFiles({ upstreamPem }: ProductSetup): ProductFile[] {
  if (upstreamPem === null) return []
  // Certificates without a key of their own are refused in it: the chain is another file.
  const [leaf = '', ...others] =
    upstreamPem.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? []
  return [{ name: identityFile, text: `${leaf}\n${others.at(-1) ?? ''}\n` }]
}

/**
 * Passes on what no rule has refused, at the path of the tenant, without a query. Headers can be dropped by
 * name alone: those in which a client could claim to be somebody are, others of its own go further.
 */
export function passLines({ config, ownTokens }: ProductSetup): string[] {
  const next = nextHopOf(config)
  if (next === null) return []
  return [
    ...(ownTokens === null ? [] : ownTokenRules(ownTokens)),
    `RewriteRule ^ ${originOf(next)}${paymentPathOf('%{ENV:MATCH_ORG}')} [P,QSD]`,
    ...claimingHeaders.map((name) => `RequestHeader unset ${name}`),
    ...authorizationLines(next),
  ]
}

/** Modules that it takes. */
export function nextHopModules({ upstream }: ServerConfig): string[] {
  return upstream === null ? [] : ['proxy', 'proxy_http']
}

/** Tokens are in the configuration, which root reads: those who answer could open no file that others cannot. */
function ownTokenRules(tokens: ReadonlyMap<string, string>): string[] {
  return [
    ...[...tokens].flatMap(([orgId, token]) => [
      `RewriteCond %{ENV:MATCH_ORG} =${orgId}`,
      `RewriteRule ^ - [E=OWN_TOKEN:${token}]`,
    ]),
    'RewriteCond %{ENV:OWN_TOKEN} ^$',
    'RewriteRule ^ - [E=REASON:own_token_unavailable,R=503,L]',
  ]
}

function authorizationLines({ token }: NextHop): string[] {
  switch (token) {
    case 'own':
      return ['RequestHeader set Authorization "Bearer %{OWN_TOKEN}e"']
    case 'forwarded':
      return []
    case 'none':
      return ['RequestHeader unset Authorization']
  }
}

function tlsLines({ caFile, identity }: NextHop, folder: string): string[] {
  if (caFile === null) return []
  return [
    'SSLProxyEngine On',
    'SSLProxyVerify require',
    'SSLProxyVerifyDepth 5',
    `SSLProxyCACertificateFile ${caFile}`,
    'SSLProxyCheckPeerName On',
    'SSLProxyProtocol -all +TLSv1.2 +TLSv1.3',
    ...(identity === null
      ? []
      : [
          `SSLProxyMachineCertificateFile ${join(folder, identityFile)}`,
          `SSLProxyMachineCertificateChainFile ${identity.certificateFile}`,
        ]),
  ]
}

/** Apache compares names of certificates, and no addresses. */
function originOf({ caFile, address, port }: NextHop): string {
  return caFile === null ? `http://${address}` : `https://localhost:${port}`
}

const identityFile = 'upstream.pem'
const timeouts = `connectiontimeout=${upstreamTimeoutSeconds} timeout=${upstreamTimeoutSeconds}`
/** In which proxies tell services about clients, and clients could do it themselves. */
const claimingHeaders = [
  ...['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP'],
  ...['X-Forwarded-Client-Cert', 'Client-Cert', 'Client-Cert-Chain', 'X-Client-Cert'],
  ...['X-SSL-Client-Cert', 'X-SSL-Client-S-DN', 'X-SSL-Client-Verify', 'SSL-Client-Cert'],
  ...['X-Forwarded-User', 'X-Remote-User', 'Remote-User', 'X-Tenant', 'Cookie', 'DPoP', 'Via'],
]
