import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { windowOf } from '../analysis/event-windows.ts'
import type { Answer } from '../preflight/attack.ts'
import { probe } from './probe.ts'

const never = new AbortController().signal
const plan = { ratePerSecond: 200, beforeMs: 100, afterMs: 200 }
const answer = (status: number): Answer => ({
  kind: 'response',
  status,
  challenge: null,
  body: '',
  resumed: false,
})
const named = { name: 'n', scenario: 's', what: 'w' }

test('what is refused from an event on has a window of one gap at most', async () => {
  let status = 200
  const reading = await probe(
    {
      ask: () => Promise.resolve(answer(status)),
      event: () => {
        status = 401
        return Promise.resolve()
      },
    },
    plan,
    never,
  )
  const window = windowOf({ ...named, ...reading })
  assert.ok(window.servedBefore > 10 && window.failedBefore === 0)
  assert.ok(window.refusedAfter > 30)
  assert.deepEqual([window.servedAfter, window.lastServedMs], [0, null])
  assert.ok((window.firstRefusedMs ?? Infinity) <= 1_000 / plan.ratePerSecond + 1)
  assert.equal(reading.probes.at(-1)?.status, 401)
})

test('an event waits for the first answer, however late that is', async () => {
  const waits = [150, 0]
  const reading = await probe(
    {
      ask: async () => {
        await wait(waits.shift() ?? 0)
        return answer(200)
      },
      event: () => Promise.resolve(),
    },
    { ...plan, beforeMs: 20 },
    never,
  )
  assert.ok(reading.eventStartMs >= (reading.probes[0]?.latencyMs ?? Infinity))
  assert.ok(windowOf({ ...named, ...reading }).servedBefore > 0)
})

test('what stays served has no window, however long it is watched', async () => {
  const reading = await probe(
    { ask: () => Promise.resolve(answer(200)), event: () => Promise.resolve() },
    plan,
    never,
  )
  const window = windowOf({ ...named, ...reading })
  assert.deepEqual([window.refusedAfter, window.firstRefusedMs], [0, null])
  assert.ok(window.watchedMs > 150)
})

test('probes go on at their times while one hangs, and its latency counts from when it was due', async () => {
  const held: (() => void)[] = []
  let asked = 0
  const reading = await probe(
    {
      ask: () => {
        asked += 1
        if (asked !== 3) return Promise.resolve(answer(200))
        return new Promise((resolve) => {
          held.push(() => {
            resolve({ kind: 'silent' })
          })
        })
      },
      event: () => {
        // Long after it was due.
        for (const release of held) release()
        return Promise.resolve()
      },
    },
    plan,
    never,
  )
  assert.ok(asked > 40)
  assert.equal(reading.probes[2]?.outcome, 'silent')
  assert.ok(reading.probes[2].latencyMs >= 85)
})

test('an event that fails, and an interrupt, end the probes with their reason', async () => {
  const ask = () => Promise.resolve(answer(200))
  await assert.rejects(
    probe({ ask, event: () => Promise.reject(new Error('no such token')) }, plan, never),
    /no such token/,
  )
  const interrupt = new AbortController()
  const probing = probe(
    {
      ask,
      event: () => {
        interrupt.abort(new Error('enough'))
        return Promise.resolve()
      },
    },
    { ...plan, afterMs: 60_000 },
    interrupt.signal,
  )
  await assert.rejects(probing, (error: Error) => /enough|aborted/i.test(error.message))
})
