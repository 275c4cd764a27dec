import replyFrom from '@fastify/reply-from'
import type { FastifyReplyFromHooks } from '@fastify/reply-from'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent } from 'undici'
import type { UpstreamConfig } from './config.ts'
import { createGuardedApp, guardRoute, refuse } from './guarded-app.ts'
import type { ListenerOptions, OrgPath, PaymentPath } from './guarded-app.ts'
import { unavailable } from './guards/bearer.ts'
import type { Guard, Scope } from './guards/guard.ts'
import { readConfigured } from './process.ts'
import type { Service } from './process.ts'
import type { Spans } from './spans.ts'

/** What makes one hop differ from another. */
export interface ProxyOptions extends ListenerOptions {
  readonly guards: readonly Guard[]
  readonly upstream: UpstreamConfig
  /** What the next hop gets as access token; `forwarded`: the client's own. */
  readonly brings: 'nothing' | 'forwarded' | ((orgId: string) => string | Promise<string>)
  readonly spans: boolean
}

/**
 * Builds a gateway or a sidecar: the routes of the payments API behind its guards, each request that is
 * admitted passed on to the next hop. Nothing of what a client sends goes further but what is named here.
 */
export async function createProxy(options: ProxyOptions): Promise<Service> {
  const { guards, telemetry, tls, upstream, brings } = options
  const app = createGuardedApp(options)
  const agent = createAgent(upstream)
  await app.register(replyFrom, { base: upstream.url, undici: agent, disableRequestLogging: true })
  let spans: Spans | null = null
  const pass = async (
    { raw, params: { orgId } }: Admitted,
    reply: FastifyReply,
    path: string,
  ): Promise<FastifyReply> => {
    const authorization = await bring(orgId, raw, brings)
    if (authorization === null) {
      refuse(unavailable('own_token_unavailable'), reply, telemetry)
      return reply
    }
    // Throws for a path that leaves its place: nothing was passed on then.
    const passed = reply.from(path, hooksOf(options, { raw, authorization, spans }))
    telemetry.handlerCalled()
    return passed
  }
  declareRoutes(app, (scope) => ({ onRequest: guardRoute(guards, scope, telemetry) }), pass)
  await app.ready()
  if (options.spans) spans = (await import('./spans.ts')).attachSpans(app.server)
  return {
    server: app.server,
    scheme: tls === null ? 'http' : 'https',
    close: async () => {
      await app.close()
      await agent.destroy()
    },
  }
}

/** A request that the guards let in. */
interface Admitted {
  readonly raw: IncomingMessage
  readonly params: OrgPath
}

/** The routes of the payments API, so that each hop knows whose payments are asked for and what scope that takes. */
function declareRoutes(
  app: FastifyInstance,
  guarded: (scope: Scope) => { onRequest: ReturnType<typeof guardRoute> },
  pass: (request: Admitted, reply: FastifyReply, path: string) => Promise<FastifyReply>,
): void {
  const payments = '/v1/orgs/:orgId/payments'
  app.get<{ Params: PaymentPath }>(
    `${payments}/:paymentId`,
    guarded('payments:read'),
    (request, reply) => pass(request, reply, pathOf(request.params)),
  )
  app.post<{ Params: OrgPath }>(payments, guarded('payments:write'), (request, reply) =>
    pass(request, reply, pathOf(request.params)),
  )
  app.post<{ Params: PaymentPath }>(
    `${payments}/:paymentId/refusal`,
    guarded('admin:manage'),
    (request, reply) => pass(request, reply, `${pathOf(request.params)}/refusal`),
  )
}

/** `Authorization` for the next hop: '' for none, null where there should be one and is not. */
async function bring(
  orgId: string,
  { headers }: IncomingMessage,
  brings: ProxyOptions['brings'],
): Promise<string | null> {
  switch (brings) {
    case 'nothing':
      return ''
    case 'forwarded':
      return headers.authorization ?? ''
    default:
      try {
        return `Bearer ${await brings(orgId)}`
      } catch {
        return null
      }
  }
}

/** Keep-alive connections to the next hop, with this hop's own identity. */
function createAgent({ caFile, identity }: UpstreamConfig): Agent {
  const read = (setting: string, file: string) => readConfigured(`upstream.${setting}`, file)
  const tls = caFile === null ? {} : { ca: read('caFile', caFile), servername: 'localhost' }
  const own =
    identity === null
      ? {}
      : {
          cert: read('identity.certificateFile', identity.certificateFile),
          key: read('identity.keyFile', identity.keyFile),
        }
  return new Agent({
    connect: { ...tls, ...own },
    keepAliveTimeout: keepAliveMs,
    keepAliveMaxTimeout: keepAliveMs,
  })
}

/** Built anew of what the router understood: what was authorised is what is asked for, and no query. */
function pathOf({ orgId, paymentId }: OrgPath & Partial<PaymentPath>): string {
  const payments = `/v1/orgs/${encodeURIComponent(orgId)}/payments`
  return paymentId === undefined ? payments : `${payments}/${encodeURIComponent(paymentId)}`
}

function hooksOf(
  { telemetry, brings }: ProxyOptions,
  {
    raw,
    authorization,
    spans,
  }: {
    readonly raw: IncomingMessage
    readonly authorization: string
    readonly spans: Spans | null
  },
): FastifyReplyFromHooks {
  return {
    timeout: upstreamTimeoutMs,
    queryString: () => '',
    // One answer a request: a gateway that asks again makes an outage of the next hop a worse one.
    retryDelay: () => null,
    rewriteRequestHeaders: (_, headers) => {
      spans?.sent(raw)
      const passed = pick(headers, requestHeaders)
      return authorization === '' ? passed : { ...passed, authorization }
    },
    rewriteHeaders: (headers) => pick(headers, responseHeaders),
    onResponse: (_, reply, answer) => {
      spans?.answered(raw)
      // The next hop refused this hop's own token: nothing that its client could mend.
      if (typeof brings === 'function' && reply.statusCode === 401) {
        telemetry.refused('own_token_refused', 502)
        answer.stream.resume()
        reply.removeHeader('www-authenticate').removeHeader('content-length')
        reply.code(502).send({ error: 'bad_gateway' })
        return
      }
      reply.send(answer.stream)
    },
    onError: (reply) => {
      telemetry.refused('upstream_unavailable', 502)
      reply.code(502).send({ error: 'bad_gateway' })
    },
  }
}

function pick(headers: IncomingHttpHeaders, names: readonly string[]): IncomingHttpHeaders {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** All that a hop passes on: whatever else a client says about itself ends here. */
const requestHeaders = ['host', 'accept', 'content-type', 'content-length']
const responseHeaders = ['content-type', 'content-length', 'www-authenticate', 'retry-after']
/** As the listeners': a connection between hops is never closed while a run is measured. */
const keepAliveMs = 600_000
const upstreamTimeoutMs = 10_000
