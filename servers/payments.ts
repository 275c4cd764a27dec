import type { FastifyInstance, FastifyReply } from 'fastify'
import { createGuardedApp, guardRoute } from './guarded-app.ts'
import type { ListenerOptions, OrgPath, PaymentPath, Watch } from './guarded-app.ts'
import type { Guard, Scope } from './guards/guard.ts'
import { createPaymentStore } from './payment-store.ts'
import type { PaymentStoreOptions } from './payment-store.ts'
import type { Service } from './process.ts'

/** What makes one payments server differ from another: TLS options and guards, nothing else. */
export interface PaymentsOptions extends ListenerOptions {
  readonly guards: readonly Guard[]
  /** Default: the one payment of acme, and no spans. */
  readonly payments?: PaymentStoreOptions & { readonly spans?: boolean }
  /** Told of every verdict. */
  readonly watch?: Watch
  /** Adds plugins and hooks before there are routes. */
  readonly prepare?: (app: FastifyInstance) => void | Promise<void>
}

/** Builds the payments API behind its guards; the caller listens. */
export async function createPayments({
  telemetry,
  tls,
  guards,
  payments = {},
  watch,
  prepare,
}: PaymentsOptions): Promise<Service> {
  const app = createGuardedApp({ telemetry, tls })
  await prepare?.(app)
  const store = createPaymentStore(payments)
  const guarded = (scope: Scope) => ({
    onRequest: guardRoute(guards, scope, telemetry, watch),
  })

  app.get<{ Params: PaymentPath }>(
    '/v1/orgs/:orgId/payments/:paymentId',
    guarded('payments:read'),
    ({ params }, reply) => {
      telemetry.handlerCalled()
      return store.read(params) ?? notFound(reply)
    },
  )
  app.post<{ Params: OrgPath }>(
    '/v1/orgs/:orgId/payments',
    guarded('payments:write'),
    ({ params, body }, reply) => {
      telemetry.handlerCalled()
      const payment = store.create(params, body)
      return payment === null ? badRequest(reply) : reply.code(201).send(payment)
    },
  )
  app.post<{ Params: PaymentPath }>(
    '/v1/orgs/:orgId/payments/:paymentId/refusal',
    guarded('admin:manage'),
    ({ params }, reply) => {
      telemetry.handlerCalled()
      return store.refuse(params) ?? notFound(reply)
    },
  )
  await app.ready()
  if (payments.spans === true) (await import('./spans.ts')).attachSpans(app.server)
  return { server: app.server, scheme: tls === null ? 'http' : 'https', close: () => app.close() }
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ error: 'not_found' })
}

function badRequest(reply: FastifyReply): FastifyReply {
  return reply.code(400).send({ error: 'invalid_payment' })
}
