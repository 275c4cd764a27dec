import assert from 'node:assert/strict'
import test from 'node:test'
import { clockWarnings } from './run-course.ts'

test('a wall clock that was set while blocks ran is told, in which direction and how far', () => {
  assert.deepEqual(clockWarnings(60_400, 60_000), [])
  assert.match(clockWarnings(65_000, 60_000)[0]?.message ?? '', /set forward by 5000 ms/)
  assert.match(clockWarnings(-3_540_000, 60_000)[0]?.message ?? '', /set back by 3600000 ms/)
})
