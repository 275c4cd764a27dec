import { connect, createSecureContext, rootCertificates } from 'node:tls'
import { Agent } from 'undici'
import { readNamedFile, type ClientIdentity } from './credentials.ts'
import type { RequestSettings } from './settings.ts'
import { bareHost, portOf, serverNameOf } from './url.ts'

/** Anchors by which an issuer is judged; without any, those of Node. */
export interface Trust {
  readonly ca?: string | readonly string[]
}

/** What the settings say; throws usage errors. */
export function trustOf({ issuerCa, ca }: RequestSettings): Trust {
  if (issuerCa !== undefined)
    return { ca: readNamedFile('--issuer-ca', issuerCa).toString('latin1') }
  if (ca === undefined) return {}
  // An authorization server is often a service of somebody else, with a certificate that all know.
  return { ca: [...rootCertificates, readNamedFile('--ca', ca).toString('latin1')] }
}

/**
 * The part of the trust that vouches for a server, where connections are made for many clients: all that Node
 * knows and `--ca` are 5 ms and 120 KiB for each of them, either alone a quarter of a ms (n = 100).
 */
export async function narrowTrust(
  trust: Trust,
  url: URL,
  { ca: path }: RequestSettings,
  timeoutMs: number,
): Promise<Trust> {
  if (typeof trust.ca !== 'object' || path === undefined) return trust
  const own = { ca: readNamedFile('--ca', path).toString('latin1') }
  return (await vouchesFor(own, url, timeoutMs)) ? own : {}
}

/** Connections to an issuer with one client certificate, or none. */
export function createAgent({ ca }: Trust, identity: ClientIdentity | null): Agent {
  // Made once: to parse all anchors anew for each connection would be felt by the load beside it.
  const secureContext = createSecureContext({
    ...(ca === undefined ? {} : { ca: [ca].flat() }),
    ...(identity ?? {}),
  })
  return new Agent({ connect: { secureContext }, keepAliveTimeout: keepAliveMs })
}

function vouchesFor({ ca }: { readonly ca: string }, url: URL, timeoutMs: number) {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const host = bareHost(url)
  const at = { host, port: portOf(url), servername: serverNameOf(host) }
  const socket = connect({ ...at, ca, timeout: timeoutMs })
  const settle = (isGood: boolean) => () => {
    socket.destroy()
    resolve(isGood)
  }
  socket.once('secureConnect', settle(true))
  socket.once('timeout', settle(false))
  socket.on('error', settle(false))
  return promise
}

const keepAliveMs = 60_000
