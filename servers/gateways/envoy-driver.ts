import { request } from 'node:http'
import { join } from 'node:path'
import type { ProductCounts } from './counts.ts'
import type { Driver, RunningProduct } from './driver.ts'

/** Asks Envoy by its own counters, at the socket of its administration interface. */
export function createEnvoyDriver({ folder }: Pick<RunningProduct, 'folder'>): Driver {
  const socketPath = join(folder, 'admin.sock')
  return {
    async isReady() {
      return (await ask(socketPath, '/ready')).startsWith('LIVE')
    },
    async counts() {
      return readStatistics(await ask(socketPath, '/stats'))
    },
    reload: () =>
      Promise.reject(new Error('Envoy takes over trust by xDS, which is not set up here')),
    renew: () => Promise.reject(new Error('Envoy in front of other hops is not set up here')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** Reads lines like `listener.gateway.ssl.handshake: 12`. */
export function readStatistics(text: string): ProductCounts {
  const values = new Map(
    text.split('\n').flatMap((line): [string, number][] => {
      const [, name, value] = /^([^:]+): (\d+)$/.exec(line) ?? []
      return name === undefined ? [] : [[name, Number(value)]]
    }),
  )
  const of = (name: string) => values.get(name) ?? 0
  const resumed = of('listener.gateway.ssl.session_reused')
  return {
    requests: of('http.gateway.downstream_rq_total'),
    // Its one answer of this class is the payment.
    responses: {
      200: of('http.gateway.downstream_rq_2xx'),
      '4xx': of('http.gateway.downstream_rq_4xx'),
      '5xx': of('http.gateway.downstream_rq_5xx'),
    },
    handshakesFull: of('listener.gateway.ssl.handshake') - resumed,
    handshakesResumed: resumed,
    handshakesFailed: of('listener.gateway.ssl.connection_error'),
    connectionsOpen: of('listener.gateway.downstream_cx_active'),
    refusals: {
      ...only('jwt_authn:denied', of('http.gateway.jwt_authn.denied')),
      ...only('rbac:denied', of('http.gateway.rbac.denied')),
      ...only('tls:certificate refused', of('listener.gateway.ssl.fail_verify_error')),
      ...only('tls:no certificate', of('listener.gateway.ssl.fail_verify_no_cert')),
    },
  }
}

function only(reason: string, count: number): Record<string, number> {
  return count === 0 ? {} : { [reason]: count }
}

/** What the interface answers; nothing while it does not listen. */
function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => {
        resolve(text)
      })
    })
    asked.on('error', () => {
      resolve('')
    })
    asked.end()
  })
}
