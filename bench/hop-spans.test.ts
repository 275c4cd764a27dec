import assert from 'node:assert/strict'
import test from 'node:test'
import { createSpanRecorder } from './hop-spans.ts'
import { decodeHistogram, percentileUs, sampleCount } from './load/histogram.ts'

const report = (wholeNs: number[], upstreamNs: number[]) => ({ wholeNs, upstreamNs, forgotten: 0 })

test('spans are merged by arm, connections and hop; own is the whole less what was upstream', () => {
  const recorder = createSpanRecorder()
  const place = { arm: 'a', connections: 8 }
  recorder.add(place, [
    { hop: 'gateway', report: report([900_000, 1_000_000], [700_000, 700_000]) },
    { hop: 'service', report: report([50_000], [0]) },
  ])
  recorder.add(place, [{ hop: 'gateway', report: report([800_000], [700_000]) }])
  recorder.add({ arm: 'a', connections: 1 }, [
    { hop: 'gateway', report: report([400_000], [350_000]) },
  ])
  const { spans = [] } = recorder.finish()
  const told = spans.map(({ arm, connections, hop, whole, own }) => {
    const [all, mine] = [decodeHistogram(whole), decodeHistogram(own)]
    return [arm, connections, hop, sampleCount(all), percentileUs(all, 50), percentileUs(mine, 50)]
  })
  assert.deepEqual(told, [
    // 800, 900 and 1000 µs, of which 100, 200 and 300 are its own.
    ['a', 8, 'gateway', 3, 900, 200],
    ['a', 8, 'service', 1, 50, 50],
    ['a', 1, 'gateway', 1, 400, 50],
  ])
})

test('without spans a block has none', () => {
  assert.deepEqual(createSpanRecorder().finish(), {})
})
