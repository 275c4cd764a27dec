import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Guard } from './guards/guard.ts'
import { tenant } from './guards/tenant.ts'
import { quietTelemetry } from './issuer-testbed.ts'
import { createPartnerApi } from './partner-api.ts'
import { measuredPath, send } from './server-testbed.ts'

/** The API over plain HTTP, its partners named by a header that stands for their token. */
async function listen(quotaPerMinute = 100) {
  const folder = await mkdtemp(join(tmpdir(), 'trustbench-test-'))
  const auditFile = join(folder, 'audit.jsonl')
  const { telemetry } = quietTelemetry()
  const byHeader: Guard = ({ request, caller }) => {
    const orgId = request.headers['x-test-partner']
    if (typeof orgId !== 'string') return { status: 401, reason: 'no_token', challenge: 'Bearer' }
    caller.token = { clientId: `${orgId}-client`, scopes: [], orgId, confirmation: undefined }
    return null
  }
  const service = await createPartnerApi(
    { telemetry, tls: null, guards: [byHeader, tenant], payments: { tenants: 2 } },
    {
      auditFile,
      partners: {
        acme: { scopes: ['payments:read', 'payments:write'], quotaPerMinute },
        'tenant-1': { scopes: ['payments:read'], quotaPerMinute },
      },
    },
  )
  const { server } = service
  telemetry.attach(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  return {
    snapshot: telemetry.snapshot,
    ask: (partner: string | null, path = measuredPath, method = 'GET') =>
      send({
        scheme: 'http',
        host: '127.0.0.1',
        ...{ port, path, method },
        headers: {
          authorization: 'Bearer secret-token',
          ...(partner === null ? {} : { 'x-test-partner': partner }),
        },
      }),
    /** Ends it: what was written is then all there is. */
    async trail() {
      server.close()
      server.closeAllConnections()
      await service.close?.()
      const text = await readFile(auditFile, 'utf8')
      assert.equal((await stat(auditFile)).mode & 0o777, 0o600)
      return {
        text,
        entries: text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as object),
      }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

const ownPath = measuredPath.replace('acme', 'tenant-1')

describe('an API with partners', () => {
  it('gives each what was agreed, and nothing else', async () => {
    await using api = await listen()
    const cases: [partner: string, path: string, method: string, status: number][] = [
      ['acme', measuredPath, 'GET', 200],
      ['tenant-1', ownPath, 'GET', 200],
      ['tenant-1', measuredPath, 'GET', 403],
      ['acme', ownPath, 'GET', 403],
      // May only read.
      ['tenant-1', '/v1/orgs/tenant-1/payments', 'POST', 403],
      // Has payments, and no agreement.
      ['tenant-2', measuredPath.replace('acme', 'tenant-2'), 'GET', 403],
    ]
    for (const [partner, path, method, status] of cases)
      assert.equal((await api.ask(partner, path, method)).status, status, `${partner} ${path}`)
    const { refusals, handlerCalls } = api.snapshot()
    assert.deepEqual(refusals, { wrong_tenant: 2, not_agreed: 1, not_a_partner: 1 })
    assert.equal(handlerCalls, 2)
    await api.trail()
  })

  it('has a quota for each: 429 with Retry-After, and others are served', async () => {
    await using api = await listen(2)
    const statuses: number[] = []
    for (let request = 0; request < 3; request++) statuses.push((await api.ask('acme')).status)
    assert.deepEqual(statuses, [200, 200, 429])
    const { headers } = await api.ask('acme')
    const seconds = Number(headers['retry-after'])
    assert.ok(seconds >= 1 && seconds <= 60, String(headers['retry-after']))
    assert.equal((await api.ask('tenant-1', ownPath)).status, 200)
    assert.equal(api.snapshot().handlerCalls, 3)
    await api.trail()
  })

  it('does not count against a quota what the guards refuse', async () => {
    await using api = await listen(1)
    for (let request = 0; request < 5; request++)
      assert.equal((await api.ask('acme', ownPath)).status, 403)
    assert.equal((await api.ask('acme')).status, 200)
    await api.trail()
  })

  it('writes one line a request: who, what, how it was decided, and no secret', async () => {
    await using api = await listen(1)
    await api.ask('acme', `${measuredPath}?access_token=secret-token`)
    await api.ask('acme')
    await api.ask('acme', ownPath)
    await api.ask(null)
    const { text, entries } = await api.trail()
    const who = { partner: 'acme', client: 'acme-client', method: 'GET' }
    const expected = [
      { ...who, path: measuredPath, decision: 'allowed', status: 200, reason: null },
      { ...who, path: measuredPath, decision: 'refused', status: 429, reason: 'quota_exceeded' },
      { ...who, path: ownPath, decision: 'refused', status: 403, reason: 'wrong_tenant' },
      {
        ...{ partner: null, client: null, method: 'GET', path: measuredPath },
        ...{ decision: 'refused', status: 401, reason: 'no_token' },
      },
    ]
    assert.deepEqual(
      entries.map((entry) => ({ ...entry, time: undefined })),
      expected.map((entry) => ({ time: undefined, ...entry })),
    )
    assert.ok(!text.includes('secret'))
    assert.deepEqual(api.snapshot().counters, { auditLines: 4 })
  })
})
