import assert from 'node:assert/strict'
import { it } from 'node:test'
import { exchange } from './exchange-testbed.ts'
import { admit } from './guard.ts'
import type { Guard, Refusal } from './guard.ts'

const refusal: Refusal = { status: 403, reason: 'wrong_tenant' }
const failed: Refusal = { status: 503, reason: 'guard_failed', retryAfterSeconds: 1 }

/** Guards that note in which order they are asked. */
function record() {
  const order: string[] = []
  const guard =
    (name: string, verdict: ReturnType<Guard>): Guard =>
    () => {
      order.push(name)
      return verdict
    }
  return { order, guard }
}

it('admits without guards, at once', () => {
  assert.equal(admit([], exchange()), null)
})

it('asks in order, and stays synchronous while the guards are', () => {
  const { order, guard } = record()
  assert.equal(admit([guard('a', null), guard('b', null)], exchange()), null)
  assert.deepEqual(order, ['a', 'b'])
})

it('asks those behind an asynchronous guard only after it', async () => {
  const { order, guard } = record()
  const verdict = admit(
    [guard('a', null), guard('b', Promise.resolve(null)), guard('c', null), guard('d', refusal)],
    exchange(),
  )
  assert.deepEqual(order, ['a', 'b'])
  assert.equal(await verdict, refusal)
  assert.deepEqual(order, ['a', 'b', 'c', 'd'])
})

for (const [name, verdict] of [
  ['synchronous', refusal],
  ['asynchronous', Promise.resolve(refusal)],
] as const) {
  it(`asks nobody after a ${name} refusal`, async () => {
    const { order, guard } = record()
    assert.equal(await admit([guard('a', verdict), guard('b', null)], exchange()), refusal)
    assert.deepEqual(order, ['a'])
  })
}

it('refuses closed when a guard throws or rejects', async () => {
  const { order, guard } = record()
  const throwing: Guard = () => {
    throw new Error('bug')
  }
  const rejecting: Guard = () => Promise.reject(new Error('bug'))
  assert.deepEqual(await admit([throwing, guard('a', null)], exchange()), failed)
  assert.deepEqual(await admit([rejecting, guard('a', null)], exchange()), failed)
  assert.deepEqual(
    await admit([guard('b', Promise.resolve(null)), throwing, guard('a', null)], exchange()),
    failed,
  )
  assert.deepEqual(order, ['b'])
})
