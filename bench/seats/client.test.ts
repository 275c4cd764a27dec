import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { noRedis, startRedis } from '../../servers/database-testbed.ts'
import { cli, temporaryFolder } from '../cli-testbed.ts'
import { createTargetBed } from '../targets/target-testbed.ts'
import { connectRedis, parseRendezvous, shownRendezvous } from './client.ts'
import { createDesk } from './desk.ts'
import { openRendezvous } from './rendezvous.ts'
import { planOf } from './seats-testdata.ts'

test('of a rendezvous neither user nor password is shown', () => {
  for (const [text, shown] of [
    ['redis://user:s3cret@h:1/3?x=s3cret', 'redis://h:1/3'],
    ['rediss://:s3cret@[::1]', 'rediss://[::1]'],
    ['redis://h/', 'redis://h'],
  ] as const)
    assert.equal(shownRendezvous(parseRendezvous(text)), shown)
  for (const text of ['h:1', 'http://h', 'redis://h/path', 'unix:/tmp/redis', 's3cret'])
    assert.throws(
      () => parseRendezvous(text),
      (error: Error) => !error.message.includes('s3cret'),
    )
})

test(
  'rediss:// is judged by its own anchors, with a password out of a file',
  { skip: noRedis },
  async (t) => {
    const bed = await createTargetBed(t)
    await using redis = await startRedis({
      tls: {
        cert: bed.write('cert.pem', bed.server.chainPem),
        key: bed.write('key.pem', bed.server.privateKeyPem),
        ca: bed.caFile,
      },
    })
    const ca = bed.root.certificatePem
    const settings = { url: redis.url, password: redis.password, ca }
    const { client } = await connectRedis(settings)
    assert.equal(await client.ping(), 'PONG')
    client.destroy()
    await assert.rejects(connectRedis({ ...settings, ca: bed.rogue.certificatePem }), {
      code: 'measurement-failed',
      message:
        /^--rendezvous rediss:\/\/127\.0\.0\.1:\d+: cannot be used \(.*certificate.*\): is it there/,
    })
    // The same by the command line: there is no plan, and that is all that is wrong.
    const passwordFile = join(temporaryFolder(t), 'password')
    writeFileSync(passwordFile, `${redis.password}\n`)
    const { exitCode, err } = await cli([
      ...['seat', '--run-id', 'a', '--index', '0', '--rendezvous', redis.url, '--seat-wait', '1s'],
      ...['--rendezvous-ca', bed.caFile, '--rendezvous-password-file', passwordFile],
    ])
    assert.equal(exitCode, 3)
    assert.match(
      err,
      /^trustbench: no plan for run a at rediss:\/\/127\.0\.0\.1:\d+ within 1 s: is that/,
    )
  },
)

test(
  'whatever is written expires, and a run that is over leaves what is small',
  { skip: noRedis },
  async () => {
    await using redis = await startRedis()
    const settings = { url: redis.url, password: redis.password, ca: null }
    await using meeting = await openRendezvous(settings, 'a')
    const seat = { index: 0, ticket: 'one' }
    const keepMs = 5_000
    assert.equal(await meeting.publishPlan('{}', keepMs), true)
    assert.equal(await meeting.publishPlan('{"other":1}', keepMs), false)
    assert.equal(await meeting.claim(seat, '{}', keepMs), 'yours')
    assert.equal(await meeting.claim({ index: 0, ticket: 'two' }, '', keepMs), 'taken')
    // What another process says of a place that is not its own changes nothing.
    await meeting.leave({ index: 0, ticket: 'two' }, 'x', keepMs)
    assert.equal(await meeting.deliver({ index: 0, ticket: 'two' }, 'x', keepMs), 'taken')
    assert.deepEqual(
      [await meeting.ready(), await meeting.failed()],
      [new Map([[0, '{}']]), new Map()],
    )
    await meeting.leave({ index: 1, ticket: 'three' }, 'why', keepMs)
    const { nonce } = planOf(4)
    const start = { kind: 'start', nonce, atUs: 5, without: [3] } as const
    // That of another plan of this name is nobody's word here.
    await meeting.notify({ ...start, nonce: 'another', atUs: 4 }, keepMs)
    await meeting.notify(start, keepMs)
    const other = await meeting.notice('0', 100)
    assert.deepEqual((await meeting.notice(other?.id ?? '', 100))?.notice, start)
    // A seat that was not ready in time must not send what nobody counts.
    const options = { runId: 'a', waitMs: 1_000, signal: new AbortController().signal }
    assert.equal(await createDesk(meeting, { ...options, index: 2 }).start(planOf(4)), 5)
    await assert.rejects(createDesk(meeting, { ...options, index: 3 }).start(planOf(4)), {
      message:
        'run a has begun without this process: seat 3 is not replaced any more, start a new run',
    })
    assert.equal(await meeting.claim({ index: 2, ticket: 'late' }, '', keepMs), 'started')
    assert.equal(await meeting.deliver(seat, 'result', keepMs), 'kept')
    const { client } = await connectRedis(settings)
    const keys = (await client.keys('*')).toSorted()
    assert.deepEqual(
      keys,
      ['failed', 'notices', 'plan', 'ready', 'results', 'seats', 'start'].map(
        (name) => `trustbench:{a}:${name}`,
      ),
    )
    for (const key of keys) {
      const ttlMs = await client.pTTL(key)
      assert.ok(ttlMs > 0 && ttlMs <= keepMs, `${key} ${ttlMs}`)
    }
    await meeting.clear()
    assert.equal((await client.keys('*')).length, 4)
    await meeting.end(keepMs)
    assert.ok((await client.pTTL('trustbench:{a}:over')) > 0)
    assert.equal(await meeting.deliver(seat, 'result', keepMs), 'over')
    // What is left of it is none of the next of its name.
    await client.unlink('trustbench:{a}:plan')
    assert.equal(await meeting.publishPlan('{}', keepMs), true)
    assert.deepEqual(await client.keys('*'), ['trustbench:{a}:plan'])
    client.destroy()
  },
)
