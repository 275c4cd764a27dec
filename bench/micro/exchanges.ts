import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { createIssuerClient } from '../../servers/guards/issuer-client.ts'
import { readAnswer } from '../../servers/guards/introspection.ts'
import { createAuthority, writeSecretFile } from '../../servers/pki.ts'
import { temporaryPrefix } from '../temporary.ts'
import { answerBytes, introspectionAnswer, requestBytes } from './peer-wire.ts'
import type { PeerPorts, PeerSetup } from './peer-wire.ts'
import { repeated, type Primitive } from './primitive.ts'

/** Primitives that need somebody at the other end, and the end of that. */
export interface Exchanges {
  readonly primitives: readonly Primitive[]
  readonly close: () => Promise<void>
}

/**
 * One request and its answer, of the sizes of the measured ones, with a peer in a process of its own: what
 * is measured is this end. TLS less TCP is what the records cost; both ends do the same to them.
 */
export async function exchangePrimitives(): Promise<Exchanges> {
  const folder = await mkdtemp(join(tmpdir(), temporaryPrefix('lab')))
  const root = await createAuthority({ key: 'p256', name: 'trustbench root' })
  const identity = await root.issue({
    kind: 'server',
    key: 'p256',
    commonName: 'localhost',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  })
  const caFile = await writeSecretFile(folder, 'ca.pem', root.certificatePem)
  const peer = fork(join(import.meta.dirname, 'peer.ts'), [], { execArgv: [], stdio: 'ignore' })
  peer.send({ cert: identity.chainPem, key: identity.privateKeyPem } satisfies PeerSetup)
  const [ports] = (await once(peer, 'message')) as [PeerPorts]
  const tcp = connectTcp(ports.tcp, '127.0.0.1')
  const tls = connectTls({
    port: ports.tls,
    host: '127.0.0.1',
    ca: root.certificatePem,
    servername: 'localhost',
  })
  await Promise.all([once(tcp, 'connect'), once(tls, 'secureConnect')])
  for (const socket of [tcp, tls]) socket.setNoDelay(true)
  const ask = createIssuerClient(caFile)
  await rm(folder, { recursive: true })
  const url = `https://127.0.0.1:${ports.https}/token/introspection`
  const issuer = { issuer: 'https://127.0.0.1:40000', audience: 'https://payments.trustbench.test' }
  const answer = { status: 200, mediaType: 'application/json', body: introspectionAnswer() }
  return {
    primitives: [
      { id: 'exchange: TCP', callsPerRun: 1, run: exchangeOn(tcp) },
      { id: 'exchange: TLS', callsPerRun: 1, run: exchangeOn(tls) },
      {
        // As many at once as the measured connections: one at a time it would pay for waking up, too.
        id: 'exchange: HTTPS by the introspection client, 8 at once',
        callsPerRun: atOnce,
        run: () =>
          Promise.all(
            Array.from({ length: atOnce }, () =>
              ask({
                url,
                method: 'POST',
                headers: {
                  accept: 'application/json',
                  authorization: 'Basic cGF5bWVudHM6c2VjcmV0',
                },
                body: 'token=Vx0pBW1tmq8cDyDNbpYFkZXh1CGkbAFhZVKx_bWMIKE&token_type_hint=access_token',
                timeoutMs: 5_000,
              }),
            ),
          ),
      },
      repeated('token: read an introspection answer', 20, () => readAnswer(answer, issuer)),
    ],
    async close() {
      tcp.destroy()
      tls.destroy()
      peer.disconnect()
      await once(peer, 'exit')
    },
  }
}

const atOnce = 8

/** Sends the request and waits for the whole answer. */
function exchangeOn(socket: Socket): () => Promise<void> {
  let missing = 0
  let done: (() => void) | null = null
  socket.on('data', (chunk: Buffer) => {
    missing -= chunk.length
    if (missing <= 0) done?.()
  })
  return () =>
    new Promise((resolve) => {
      missing = answerBytes.length
      done = resolve
      socket.write(requestBytes)
    })
}
