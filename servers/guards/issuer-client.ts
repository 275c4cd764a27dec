import { Agent, request } from 'node:https'
import { readConfigured } from '../process.ts'

/** One request to the authorization server. */
export interface IssuerRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
}

/** The whole answer of the authorization server, whatever its status: redirects are never followed. */
export interface IssuerAnswer {
  readonly status: number
  /** Media type in lower case, without parameters. */
  readonly mediaType: string
  readonly body: string
}

/** Sends one request; rejects when the issuer is unreachable, untrusted, too slow or too wordy. */
export type IssuerClient = (issuerRequest: IssuerRequest) => Promise<IssuerAnswer>

/** Creates a client with its own keep-alive connections, which trusts `caFile` and nothing else. */
export function createIssuerClient(caFile: string): IssuerClient {
  const agent = new Agent({
    ca: readConfigured('issuer.caFile', caFile),
    keepAlive: true,
    maxSockets: maxConnections,
  })
  return ({ url, method, headers, body, timeoutMs }) =>
    new Promise((resolve, reject) => {
      const asked = request(url, { agent, method, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
          if (text.length > maxAnswerLength) asked.destroy(new Error('issuer: answer too long'))
        })
        response.on('error', reject)
        response.on('end', () => {
          const [mediaType = ''] = (response.headers['content-type'] ?? '').split(';')
          const status = response.statusCode ?? 0
          resolve({ status, mediaType: mediaType.trim().toLowerCase(), body: text })
        })
      })
      // A deadline for the whole exchange: an idle timeout would let a slow answer drip for ever.
      const deadline = setTimeout(() => {
        asked.destroy(new Error(`issuer: no answer within ${timeoutMs} ms`))
      }, timeoutMs)
      asked.on('error', reject)
      asked.on('close', () => {
        clearTimeout(deadline)
      })
      asked.end(body)
    })
}

/** Above any number of connections that one resource server is measured with, below a run on the issuer. */
const maxConnections = 64
/** Key sets and introspection answers are some kilobytes. */
const maxAnswerLength = 1_000_000
