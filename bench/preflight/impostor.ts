import { createServer } from 'node:https'
import type { SecureVersion } from 'node:tls'
import type { Identity } from '../../servers/pki.ts'
import { openConnections } from '../load/connection.ts'
import type { Lab } from '../lab.ts'
import type { Answer } from './attack.ts'
import type { Counted } from './attempt.ts'
import { clientTlsOptions } from './client.ts'

/** A server that pretends to be the one the load means, and counts how often that was believed. */
export interface Impostor extends AsyncDisposable {
  readonly port: number
  readonly counted: Counted
}

/** Starts an impostor in this process. */
export async function createImpostor(
  { chainPem, privateKeyPem }: Identity,
  version: SecureVersion,
): Promise<Impostor> {
  let handlerCalls = 0
  const weak = version === 'TLSv1.1' ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}
  const tls = {
    cert: chainPem,
    key: privateKeyPem,
    minVersion: version,
    maxVersion: version,
    ...weak,
  }
  const listener = createServer(tls, (_request, response) => {
    handlerCalls += 1
    response.writeHead(200, { 'content-length': believed.length }).end(believed)
  })
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return {
    port: address.port,
    counted: { snapshot: () => Promise.resolve({ handlerCalls, refusals: {} }) },
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

/** Sends one request to an impostor with the very client that loads servers. */
export async function visit(lab: Lab, { port }: Pick<Impostor, 'port'>): Promise<Answer> {
  const target = {
    host: '127.0.0.1',
    port,
    tls: clientTlsOptions(lab, null),
    path: '/',
    headers: {},
    expect: { status: 200, body: believed },
  }
  try {
    await using connections = await openConnections(target, 1)
    await connections.run(1)
    return { kind: 'response', status: 200, challenge: null, body: '', resumed: false }
  } catch (error) {
    return { kind: 'closed', code: error instanceof Error ? error.message : String(error) }
  }
}

const believed = Buffer.from('{"believed":true}')
