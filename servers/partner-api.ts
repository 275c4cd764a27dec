import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { auditEntry, openAuditTrail } from './audit.ts'
import type { PartnersConfig } from './config.ts'
import type { Exchange, Refusal } from './guards/guard.ts'
import { createPartnerGuard, partnerOf } from './guards/partner.ts'
import { createPayments } from './payments.ts'
import type { PaymentsOptions } from './payments.ts'
import type { Service } from './process.ts'
import type { Telemetry } from './telemetry.ts'

/**
 * Builds the payments API for many partners: behind the guards each has what was agreed with it, a quota, and
 * a line in the audit trail for every request, refused ones too.
 */
export async function createPartnerApi(
  options: PaymentsOptions,
  config: PartnersConfig,
): Promise<Service> {
  const { guards, telemetry } = options
  const trail = openAuditTrail(config.auditFile)
  const verdicts = new WeakMap<IncomingMessage, Verdict>()
  const service = await createPayments({
    ...options,
    guards: [...guards, createPartnerGuard(config)],
    watch: (exchange, refusal) => {
      verdicts.set(exchange.request, { exchange, refusal })
    },
    prepare: async (app) => {
      await addQuota(app, { config, telemetry, verdicts })
      app.addHook('onResponse', ({ raw }, reply, done) => {
        const verdict = verdicts.get(raw)
        if (verdict !== undefined) {
          trail.write(auditEntry(verdict.exchange, verdict.refusal, reply.statusCode))
          telemetry.count('auditLines')
        }
        done()
      })
    },
  })
  return {
    ...service,
    async close() {
      await service.close?.()
      await trail.close()
    },
  }
}

interface Verdict {
  readonly exchange: Exchange
  /** The guards', or that the quota is used up. */
  readonly refusal: Pick<Refusal, 'reason'> | null
}

interface QuotaParts {
  readonly config: PartnersConfig
  readonly telemetry: Telemetry
  readonly verdicts: WeakMap<IncomingMessage, Verdict>
}

/**
 * Counts after the guards: a thief who knows a partner's name cannot use up its quota with requests that are
 * refused anyway.
 */
async function addQuota(
  app: FastifyInstance,
  { config, telemetry, verdicts }: QuotaParts,
): Promise<void> {
  const nameOf = ({ raw }: Pick<FastifyRequest, 'raw'>): string => {
    const verdict = verdicts.get(raw)
    return (verdict === undefined ? null : partnerOf(verdict.exchange)) ?? ''
  }
  await app.register(rateLimit, {
    hook: 'preHandler',
    timeWindow: windowMs,
    // One entry a partner, all of them known: nobody is forgotten for another.
    cache: Object.keys(config.partners).length + 1,
    keyGenerator: nameOf,
    max: (_request, name) => config.partners[name]?.quotaPerMinute ?? 0,
    addHeaders: quietHeaders,
    addHeadersOnExceeding: quietHeaders,
    errorResponseBuilder: ({ raw }, { statusCode }) => {
      telemetry.refused('quota_exceeded', statusCode)
      const verdict = verdicts.get(raw)
      if (verdict !== undefined)
        verdicts.set(raw, { ...verdict, refusal: { reason: 'quota_exceeded' } })
      return Object.assign(new Error('too many requests'), { statusCode })
    },
  })
}

const windowMs = 60_000
/** Of its headers only `Retry-After`, and that where it is needed: the others would be in every measured answer. */
const quietHeaders = {
  'x-ratelimit-limit': false,
  'x-ratelimit-remaining': false,
  'x-ratelimit-reset': false,
} as const
