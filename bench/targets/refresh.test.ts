import assert from 'node:assert/strict'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { decodeJwt } from 'jose'
import { resources } from '../../servers/config.ts'
import { expand } from '../cases.ts'
import { createLab } from '../lab.ts'
import { decodeHistogram, sampleCount } from '../load/histogram.ts'
import type { WindowReading } from '../measure-open.ts'
import { createServerStarter } from '../processes.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { startTargetArm } from './arm.ts'
import { createDeadline } from './caps.ts'
import { createIssuer } from './issuer.ts'
import { createTargetBed, serveHttp } from './target-testbed.ts'
import { resolveTarget, withToken } from './target.ts'
import { openTokens, type FetchedToken, type TokenSource, type TokenWorld } from './tokens.ts'

/** What happened, in order: a token was asked for, one came, or a request was sent with one. */
type Step =
  { readonly kind: 'asked' | 'failed' } | { readonly kind: 'came' | 'sent'; readonly token: string }

/** Notes when tokens are asked for and come. */
function noting(steps: Step[], fetch: () => Promise<FetchedToken>): () => Promise<FetchedToken> {
  return async () => {
    steps.push({ kind: 'asked' })
    try {
      const token = await fetch()
      steps.push({ kind: 'came', token: token.value })
      return token
    } catch (error) {
      steps.push({ kind: 'failed' })
      throw error
    }
  }
}

/** A window of so many requests, 200/s, on a target that answers all; `sending` is called with each token sent. */
async function offer(
  t: TestContext,
  tokens: TokenSource,
  { requests, sending }: { readonly requests: number; readonly sending: (token: string) => void },
): Promise<{ readonly window: WindowReading; readonly arrived: readonly string[] }> {
  const arrived: string[] = []
  const url = await serveHttp(t, (request, response) => {
    arrived.push(request.headers.authorization?.replace('Bearer ', '') ?? 'none')
    response.end('fine')
  })
  const endpoint = withToken(await resolveTarget({ url }, watched), tokens)
  const limits = { connections: 8, maxConnections: 64, timeoutMs: 10_000 }
  await using arm = await startTargetArm({
    label: 'target',
    endpoints: [
      {
        ...endpoint,
        ownHeaders() {
          const headers = endpoint.ownHeaders?.() ?? {}
          sending(headers['authorization']?.replace('Bearer ', '') ?? 'none')
          return headers
        },
      },
    ],
    ...limits,
    pace: null,
    maxRatePerSecond: null,
    cpu: null,
    died: tokens.lost,
    deadline: createDeadline(null),
    onCounted: () => undefined,
  })
  const plan = { ratePerSecond, arrivals: 'constant', seed: 1 } as const
  const durationMs = (requests * 1_000) / ratePerSecond
  const window = await arm.window({ ...plan, durationMs, ...limits }, arm.died)
  return { window, arrived }
}

const ratePerSecond = 200
const watched = {
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  tell: () => undefined,
}
const root = join(import.meta.dirname, '..', '..')

/** A world in which each request that is sent takes 10 ms, so that what happens is told by counting. */
function createRequestWorld() {
  let nowMs = 0
  let timers: { readonly atMs: number; readonly then: () => void }[] = []
  const world: TokenWorld = {
    nowMs: () => nowMs,
    random: () => 0,
    after(delayMs, then) {
      const timer = { atMs: nowMs + delayMs, then }
      timers.push(timer)
      return () => {
        timers = timers.filter((one) => one !== timer)
      }
    },
  }
  return {
    world,
    sent: (): void => {
      nowMs += 10
      const due = timers.filter(({ atMs }) => atMs <= nowMs)
      timers = timers.filter(({ atMs }) => atMs > nowMs)
      for (const { then } of due) then()
    },
  }
}

const sentIn = (steps: readonly Step[]) =>
  steps.flatMap((step) => (step.kind === 'sent' ? [step.token] : []))

test('tokens of 2 s of the real authorization server: each request is answered, with one that is good when sent', async (t) => {
  const [trial] = expand(findScenario('jwt', await loadScenarios(root)), {})
  const lab = await createLab({ parameters: trial?.parameters ?? {} })
  const start = createServerStarter(new AbortController().signal)
  t.after(async () => {
    await start[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })
  const bed = await createTargetBed(t)
  const configFile = await lab.writeConfig('authorization', lab.authorizationConfig())
  const { port } = await start.server({ program: 'authorization', configFile })
  await using issuer = await createIssuer(
    {
      issuer: `https://127.0.0.1:${port}`,
      ca: lab.caFile,
      clientId: 'acme-terminal',
      clientSecret: { kind: 'file', path: bed.write('secret', lab.secret) },
      resource: resources.shortJwt,
      scope: 'payments:read',
    },
    null,
    10_000,
  )
  const steps: Step[] = []
  const late: string[] = []
  const endOf = (token: string) => (decodeJwt(token).exp ?? 0) * 1_000
  // Of the token in use while the next is asked for: how long it still had.
  const leftMs: number[] = []
  let newest: string | null = null
  using tokens = await openTokens(
    noting(steps, async () => {
      if (newest !== null) leftMs.push(endOf(newest) - Date.now())
      const token = await issuer.fetch(0)
      newest = token.value
      return token
    }),
  )
  const { window, arrived } = await offer(t, tokens, {
    requests: 1_000,
    sending(token) {
      if (Date.now() >= endOf(token)) late.push(token)
      steps.push({ kind: 'sent', token })
    },
  })
  assert.deepEqual(
    [window.requests, window.answered, window.errors, window.timeouts],
    [1_000, 1_000, {}, 0],
  )
  // 5 s in lifetimes of 1 s, the last of the two not being counted on.
  const { fetched, failures } = tokens.stats()
  assert.ok(fetched >= 5 && Object.keys(failures).length === 0, `${fetched} tokens`)
  assert.deepEqual([late, leftMs.length], [[], fetched - 1])
  assert.ok(
    leftMs.every((ms) => ms > 0),
    `asked with ${leftMs.join(', ')} ms left`,
  )
  // What arrived is what was sent, each token from its first request to its last and never again.
  const came = steps.flatMap((step) => (step.kind === 'came' ? [step.token] : []))
  assert.deepEqual(arrived.toSorted(), sentIn(steps).toSorted())
  assert.deepEqual(runsOf(sentIn(steps)), came)
  assert.deepEqual(mixedUp(steps), [])
})

function lastOf(steps: readonly Step[], wanted: Step['kind']): number {
  return steps.findLastIndex(({ kind }) => kind === wanted)
}

/** Requests that were sent with another token than the one that had come last. */
function mixedUp(steps: readonly Step[]): Step[] {
  let last = ''
  return steps.filter((step) => {
    if (step.kind === 'came') last = step.token
    return step.kind === 'sent' && step.token !== last
  })
}

/** A list with each run of equal items as one. */
function runsOf(items: readonly string[]): string[] {
  return items.filter((item, index) => item !== items[index - 1])
}

test('no request waits for a renewal: an issuer answers only when 90 more have been sent', async (t) => {
  const { world, sent } = createRequestWorld()
  const steps: Step[] = []
  const held = { fromMs: 0, forMs: 0 }
  const after = Promise.withResolvers<FetchedToken>()
  const answers = [Promise.resolve({ value: 't1', lifetimeMs: 4_000 }), after.promise]
  using tokens = await openTokens(
    noting(steps, () => answers.shift() ?? Promise.reject(new Error('asked once too often'))),
    world,
  )
  const { window } = await offer(t, tokens, {
    requests: 600,
    sending(token) {
      steps.push({ kind: 'sent', token })
      const count = sentIn(steps).length
      // A quarter of 4,000 ms is left after 300 requests of 10 ms, all of it after 400.
      if (count === 300) held.fromMs = performance.now()
      if (count === 390) {
        held.forMs = performance.now() - held.fromMs
        after.resolve({ value: 't2', lifetimeMs: 40_000 })
      }
      sent()
    },
  })
  const [asked, came] = [lastOf(steps, 'asked'), lastOf(steps, 'came')]
  assert.equal(sentIn(steps.slice(0, asked)).length, 300)
  // Those that were overdue are sent in one go, before anybody is told that the token is there.
  assert.ok(sentIn(steps.slice(asked, came)).length >= 90)
  assert.deepEqual([runsOf(sentIn(steps)), mixedUp(steps)], [['t1', 't2'], []])
  const waits = decodeHistogram(window.histograms.queueWait)
  assert.deepEqual([window.answered, sampleCount(waits)], [600, 600])
  // Beyond what the generator itself was late, on a busy machine.
  const waitedUs = waits.maxValue - decodeHistogram(window.histograms.lateness).maxValue
  assert.ok(waitedUs < held.forMs * 1_000, `${waitedUs} µs of ${held.forMs} ms`)
})

test('a renewal that fails is asked for again, and nothing is lost while the old token is good', async (t) => {
  const { world, sent } = createRequestWorld()
  const steps: Step[] = []
  const answers = [1, 2, 3].map((attempt) => `attempt ${attempt}`)
  let fetched = 0
  using tokens = await openTokens(
    noting(steps, () => {
      const fault = fetched === 1 ? answers.shift() : undefined
      if (fault !== undefined) return Promise.reject(new Error(fault))
      fetched += 1
      return Promise.resolve({ value: `t${fetched}`, lifetimeMs: 4_000 })
    }),
    world,
  )
  const { window } = await offer(t, tokens, {
    requests: 600,
    sending(token) {
      steps.push({ kind: 'sent', token })
      sent()
    },
  })
  assert.deepEqual([window.answered, window.errors], [600, {}])
  assert.equal(Object.keys(tokens.stats().failures).length, 3)
  // After 3,000 ms, and no sooner than 50, 100 and 200 ms after each failure: half of 100, 200, 400.
  const asked = steps.flatMap((step, index) =>
    step.kind === 'asked' ? [sentIn(steps.slice(0, index)).length] : [],
  )
  assert.deepEqual([asked.length, ...asked.slice(0, 2)], [5, 0, 300])
  for (const [retry, least] of [5, 10, 20].entries())
    assert.ok((asked[retry + 2] ?? 0) >= (asked[retry + 1] ?? 0) + least, asked.join(' '))
  assert.deepEqual(mixedUp(steps), [])
  assert.deepEqual(runsOf(sentIn(steps)), ['t1', 't2'])
})

test('a renewal that never succeeds ends the run when the old token ends: not before, and nothing is sent after', async (t) => {
  const { world, sent } = createRequestWorld()
  const steps: Step[] = []
  let fetched = 0
  using tokens = await openTokens(
    noting(steps, () => {
      fetched += 1
      return fetched === 1
        ? Promise.resolve({ value: 't1', lifetimeMs: 4_000 })
        : Promise.reject(new Error('answers 503'))
    }),
    world,
  )
  const offered = offer(t, tokens, {
    requests: 600,
    sending(token) {
      steps.push({ kind: 'sent', token })
      sent()
    },
  })
  await assert.rejects(offered, {
    code: 'measurement-failed',
    message: /the access token expired and there is no other: \d+ × answers 503$/,
  })
  assert.deepEqual(
    sentIn(steps),
    Array.from({ length: 400 }, () => 't1'),
  )
})
