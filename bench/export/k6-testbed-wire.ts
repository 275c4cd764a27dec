import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { workerData, type MessagePort } from 'node:worker_threads'

/** A request of one virtual user. */
export interface WireRequest {
  readonly user: number
  readonly method: string
  readonly url: string
  readonly body: string | null
  readonly headers: Readonly<Record<string, string>>
  readonly tls: {
    readonly cert?: string
    readonly key?: string
    readonly ca?: string
    /** As k6 names versions: tls1.3. */
    readonly min?: string
    readonly max?: string
  }
}

/** Its answer, as k6 tells it: status 0 where there is none. */
export interface WireAnswer {
  readonly status: number
  readonly error: string
  readonly body: string
}

interface Wiring {
  readonly port: MessagePort
  readonly signal: Int32Array
}

// The thread of the stand-in for k6 that makes its requests. Each virtual user has connections of its own,
// which stay, and resumes no session (grafana/k6#3021).
const { port, signal } = workerData as Wiring
const agents = new Map<string, HttpAgent>()

port.on('message', (request: WireRequest) => {
  void answerTo(request).then((answer) => {
    port.postMessage(answer)
    Atomics.store(signal, 0, 1)
    Atomics.notify(signal, 0)
  })
})

function answerTo({ user, method, url, body, headers, tls }: WireRequest): Promise<WireAnswer> {
  const isPlain = url.startsWith('http:')
  const agent = agentOf(`${user} ${isPlain ? 'plain' : 'tls'}`, isPlain ? null : tls)
  return new Promise((resolve) => {
    const fail = (error: Error) => {
      resolve({ status: 0, error: error.message, body: '' })
    }
    const send = isPlain ? httpRequest : httpsRequest
    const sent = send(url, { method, headers, agent }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', fail)
      response.once('end', () => {
        const status = response.statusCode ?? 0
        resolve({ status, error: '', body: Buffer.concat(chunks).toString() })
      })
    })
    sent.once('error', fail)
    sent.end(body ?? undefined)
  })
}

function agentOf(name: string, tls: WireRequest['tls'] | null): HttpAgent {
  const known = agents.get(name)
  if (known !== undefined) return known
  const made = tls === null ? new HttpAgent({ keepAlive: true }) : tlsAgent(tls)
  agents.set(name, made)
  return made
}

function tlsAgent({ min, max, ...identity }: WireRequest['tls']): HttpsAgent {
  return new HttpsAgent({
    ...identity,
    keepAlive: true,
    maxCachedSessions: 0,
    minVersion: min === 'tls1.2' ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: max === 'tls1.2' ? 'TLSv1.2' : 'TLSv1.3',
  })
}
