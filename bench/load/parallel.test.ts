import assert from 'node:assert/strict'
import test from 'node:test'
import { createLimit, inParallel } from './parallel.ts'

test('all in order, never more at a time than allowed', async () => {
  const begun: number[] = []
  let [busy, most] = [0, 0]
  await inParallel(20, 3, async (index) => {
    begun.push(index)
    busy += 1
    most = Math.max(most, busy)
    await Promise.resolve()
    busy -= 1
  })
  assert.deepEqual([begun, most], [Array.from({ length: 20 }, (_, index) => index), 3])
  await inParallel(0, 3, () => Promise.reject(new Error('there is nothing to do')))
})

test('after the first failure nothing else is begun', async () => {
  const begun: number[] = []
  const work = (index: number) => {
    begun.push(index)
    return index === 2 ? Promise.reject(new Error('two')) : Promise.resolve()
  }
  await assert.rejects(inParallel(100, 2, work), /^Error: two$/)
  assert.ok(begun.length <= 4, begun.join())
})

test('a limit lets others in when one is done, also with a failure', async () => {
  const limit = createLimit(2)
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<number>())
  const begun: number[] = []
  const all = gates.map(({ promise }, index) =>
    limit(() => {
      begun.push(index)
      return promise
    }).catch(() => -1),
  )
  const settle = () => new Promise(setImmediate)
  await settle()
  assert.deepEqual(begun, [0, 1])
  gates[1]?.reject(new Error('no'))
  await settle()
  assert.deepEqual(begun, [0, 1, 2])
  for (const [index, gate] of gates.entries()) gate.resolve(index)
  assert.deepEqual(await Promise.all(all), [0, -1, 2, 3])
})
