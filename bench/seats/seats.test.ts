import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import test from 'node:test'
import { Ajv } from 'ajv'
import { noRedis } from '../../servers/database-testbed.ts'
import { RunEnvelopeSchema, type RunEnvelope } from '../analysis/envelope-schema.ts'
import { childrenOf } from '../cli-testbed.ts'
import { SeatEnvelopeSchema } from '../commands/envelopes.ts'
import { startReceiver, total } from '../otel/testbed.ts'
import { createTargetBed, serveHttps } from '../targets/target-testbed.ts'
import { createCounter, createSeatsBed } from './seats-testbed.ts'

const isRunEnvelope = new Ajv().compile<RunEnvelope>(RunEnvelopeSchema)
const isSeatEnvelope = new Ajv().compile<{ requests: number; startedAtUs: number }>(
  SeatEnvelopeSchema,
)

test(
  'three seats offer one schedule to a server that wants all credentials, none of which passes through Redis',
  { skip: noRedis },
  async (t) => {
    const bed = await createTargetBed(t)
    const counter = createCounter()
    const wrong: string[] = []
    const origin = await serveHttps(
      t,
      bed.server,
      (request, response) => {
        const { authorization, 'x-api-key': key, 'x-tenant': tenant } = request.headers
        if (authorization !== 'Bearer t0ken-s3cret' || key !== 'k3y-s3cret' || tenant !== 'acme')
          wrong.push(JSON.stringify(request.headers))
        counter.listener(request, response)
      },
      { requestCert: true, rejectUnauthorized: false, ca: bed.root.certificatePem },
    )
    const url = `${origin}/pay?id=qu3ry-s3cret`
    const seats = await createSeatsBed(t, { url, ...counter })
    const credentials = [
      ...['--ca', bed.caFile, ...bed.presenting(bed.client)],
      ...['--token-file', bed.write('token', 't0ken-s3cret')],
      ...['--header', `x-api-key: @${bed.write('key', 'k3y-s3cret')}`],
      ...['--body-file', bed.write('body', '{"amount":"b0dy-s3cret"}')],
    ]
    const receiver = await startReceiver(t)
    const coordinator = seats.coordinator(
      'all',
      ...['--seats', '3', '--json', '--header', 'x-tenant: acme', ...credentials],
      ...['--metrics-otlp', receiver.url],
    )
    const processes = [0, 1, 2].map((index) =>
      seats.seat('all', index, '--target', url, ...credentials),
    )
    await coordinator.saw(/3 of 3 seats have begun/)
    const early = await seats.dump()
    const { exitCode, out, err } = await coordinator.ended
    assert.equal(exitCode, 0, err)
    const envelope: unknown = JSON.parse(out)
    assert.ok(isRunEnvelope(envelope), JSON.stringify(isRunEnvelope.errors))
    const open = envelope.cases[0]?.openLoop
    assert.deepEqual([open?.seats, open?.requests, open?.answered], [3, 100, 100])
    assert.deepEqual([open?.seatsRecord?.offeredShare, open?.seatsRecord?.missing], [1, []])
    const ended = await Promise.all(processes.map((seat) => seat.ended))
    const told = ended.map((seat) => {
      assert.equal(seat.exitCode, 0, seat.err)
      const value: unknown = JSON.parse(seat.out)
      assert.ok(isSeatEnvelope(value), JSON.stringify(isSeatEnvelope.errors))
      return value
    })
    assert.deepEqual(
      told.map(({ requests }) => requests),
      [34, 33, 33],
    )
    // All on one machine, so that their monotonic clock is the same.
    const starts = told.map(({ startedAtUs }) => startedAtUs)
    const skewUs = Math.max(...starts) - Math.min(...starts)
    assert.ok(skewUs <= (open?.seatsRecord?.startSkewUs ?? 0), `${skewUs} µs apart`)
    // One request of each seat before it says that it is ready; those of the coordinator's preflight.
    const [control, withoutToken, withoutCertificate] = [1, 1, 1]
    const before = 3 + control + withoutToken + withoutCertificate
    assert.deepEqual([counter.seen(), wrong.length], [100 + before, withoutToken])
    const run = seats.run()
    const window = run.blocks[0]?.windows?.[0]
    assert.deepEqual(
      window?.seats?.each.map(({ index, requests, node }) => [index, requests, node]),
      [34, 33, 33].map((requests, index) => [index, requests, process.version]),
    )
    // What all seats saw is exported by the coordinator alone, when the window is over.
    const { samples = [] } = receiver.received.at(-1) ?? {}
    assert.equal(total(samples, 'trustbench.requests', { 'trustbench.outcome': 'answered' }), 100)
    assert.equal(total(samples, 'http.client.request.duration'), 100)
    const kept = [early, await seats.dump()]
    for (const keys of kept) {
      assert.ok(keys.size >= 3)
      for (const [key, { ttlMs }] of keys)
        assert.ok(ttlMs > 0 && ttlMs <= 900_000, `${key} ${ttlMs}`)
    }
    const texts = [
      ...kept.flatMap((keys) => [...keys].map(([key, { text }]) => `${key} ${text}`)),
      ...[JSON.stringify(run), out, err, ...ended.flatMap((seat) => [seat.out, seat.err])],
    ]
    const secrets = [
      ...['t0ken-s3cret', 'k3y-s3cret', 'b0dy-s3cret', 'qu3ry-s3cret'],
      ...[seats.redis.password, encodeURIComponent(seats.redis.password)],
      ...bed.client.privateKeyPem.split('\n').filter((line) => line.length > 40),
      ...bed.client.chainPem.split('\n').filter((line) => line.length > 40),
      // As a value: a short name is in many a histogram.
      JSON.stringify(hostname()),
    ]
    for (const text of texts)
      for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} in ${text}`)
    assert.deepEqual(childrenOf(coordinator.pid), [])
  },
)
