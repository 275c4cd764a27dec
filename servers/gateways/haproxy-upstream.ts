import { join } from 'node:path'
import { badGateway, nextHopOf, upstreamTimeoutSeconds } from './product.ts'
import type { NextHop, ProductFile, ProductSetup } from './product.ts'

/** HAProxy in front of another hop: a section for it; empty where it answers itself. */
export function nextHopSections({ config, folder }: ProductSetup): string[][] {
  const next = nextHopOf(config)
  if (next === null) return []
  const distrusted = 'if { status 401 }'
  return [
    [
      'backend next',
      `timeout connect ${upstreamTimeoutSeconds}s`,
      `timeout server ${upstreamTimeoutSeconds}s`,
      // One answer a request: a gateway that asks again makes an outage of the next hop a worse one.
      'retries 0',
      'retry-on none',
      'http-reuse always',
      `http-error status 503 content-type application/json string '${badGateway}'`,
      `http-error status 504 content-type application/json string '${badGateway}'`,
      'http-response set-var(txn.answered) bool(true)',
      // It refused this hop's own token: nothing that the client could mend.
      ...(next.token === 'own'
        ? [
            `http-response set-var(txn.refusal) str(unavailable:own_token_refused) ${distrusted}`,
            `http-response return status 502 content-type application/json string '${badGateway}' ${distrusted}`,
          ]
        : []),
      'http-response set-log-level silent',
      // By itself it says 503 of a server that is not there, which is for one that is busy.
      'http-after-response set-status 502 reason "Bad Gateway" unless { var(txn.answered) -m found }',
      `server next ${next.address} pool-purge-delay 600s${serverOptions(next, folder)}`,
    ],
  ]
}

/** Files of `nextHopSections`. */
export function nextHopFiles({ ownTokens, upstreamPem }: ProductSetup): ProductFile[] {
  return [
    ...(upstreamPem === null ? [] : [{ name: identityFile, text: upstreamPem }]),
    ...(ownTokens === null ? [] : [{ name: tokensFile, text: tokenMap(ownTokens) }]),
  ]
}

/** Passes on what no rule has refused: of what the client sent nothing but what is named here. */
export function passRules(next: NextHop): string[] {
  const passed = ['host', 'accept', 'content-type', 'content-length', 'transfer-encoding']
  const kept = next.token === 'forwarded' ? [...passed, 'authorization'] : passed
  return [
    // The path as it was matched, without a query, and no host of the client's choice.
    'http-request set-uri %[path]',
    `http-request del-header '^(?!(${kept.join('|')})$)' -m reg`,
    `http-request set-header host ${next.address}`,
    ...(next.token === 'own'
      ? ['http-request set-header authorization "Bearer %[var(txn.own_token)]"']
      : []),
    'default_backend next',
  ]
}

/** Sets the token of the client's tenant, which `passRules` brings. */
export function ownTokenRule(folder: string): string {
  return `http-request set-var(txn.own_token) var(sess.tenant),map_str(${mapName(folder)})`
}

/** Name of the map of tokens at the command line, where it is replaced while HAProxy serves. */
export function mapName(folder: string): string {
  return join(folder, tokensFile)
}

/** Lines of that map. */
export function tokenMap(tokens: ReadonlyMap<string, string>): string {
  return [...tokens].map((pair) => `${pair.join(' ')}\n`).join('')
}

function serverOptions({ caFile, identity }: NextHop, folder: string): string {
  if (caFile === null) return ''
  const own = identity === null ? '' : ` crt ${join(folder, identityFile)}`
  // Its certificate is compared by name: the address stands for this machine.
  return ` ssl verify required ca-file ${caFile} sni str(localhost) verifyhost localhost alpn http/1.1${own}`
}

const identityFile = 'upstream.pem'
const tokensFile = 'own-tokens.map'
