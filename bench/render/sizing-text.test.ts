import assert from 'node:assert/strict'
import test from 'node:test'
import { demandOf } from '../analysis/capacity-testdata.ts'
import { renderSizing, validationLine } from './sizing-text.ts'
import { sizingOf } from './sizing-testdata.ts'

const plain = { color: false }

test('a size, to the letter', () => {
  const demand = demandOf({
    mechanisms: [
      { scenario: 'jwt', share: 0.5 },
      { scenario: 'mtls', share: 0.5 },
    ],
    meanRate: 8_000,
    burst: 1.5,
    spare: 'N+1',
    coresPerInstance: 2,
    scaling: 0.9,
    p99: '25ms',
    price: 0.38,
  })
  assert.equal(renderSizing(sizingOf(demand), plain), golden)
})

test('a log is told with what could not be read of it', () => {
  const log = {
    lines: 1_000,
    requests: 997,
    garbage: 3,
    firstGarbage: [4, 5, 90],
    late: 2,
    seconds: 100,
    peak1PerSecond: 50,
    peak10PerSecond: 14,
    meanPerSecond: 9.97,
    dispersion: 1.5,
    requestsPerConnection: 12.5,
    isApproximate: true,
    resumedShare: null,
    serverErrorShare: 0,
  }
  const text = renderSizing({ ...sizingOf(demandOf()), log }, plain)
  assert.match(
    text,
    /^Access log: 1,000 lines, 3 of them garbage, first in line 4, 5, 90; 2 too late to be placed in\s+time; 100 s\.\n/,
  )
  assert.match(text, /Requests per connection: 12\.5, by address and port\./)
})

test('a fleet that does not fit says so, and by what', () => {
  const sizing = sizingOf(demandOf({ instances: 5 }))
  assert.match(renderSizing(sizing, plain), /DOES NOT FIT: CPU needs more than there is\./)
})

test('a validation of which nothing could be judged says so', () => {
  const errors = {
    cpuMean: null,
    cpuWorst: null,
    saturationWorst: null,
    p50Worst: null,
    p99Worst: null,
    coverage: null,
    predictions: 0,
  }
  const validation = { validationId: 'v', startedAt: '2025-01-01T00:00:00.000Z', errors }
  assert.match(
    validationLine(validation),
    /CPU error mean not judged, worst not judged; .*coverage/,
  )
})

/** 20,000/s × (150 + 50) ÷ 2 µs ÷ 0.9 = 2.22 cores, 3.17 with headroom; of 2 cores each 1.59 instances, and one. */
const golden = `50 % jwt, 50 % mtls: 20,000 requests/s at peak, 8,000 on average, bursts ×1.5
3 instances of 2 cores, 1 of them spare: 6 cores.
What binds: CPU in bursts.

figure                                            estimate (interval)
CPU at peak, %                                                     37
CPU on average, %                                                14.8
cores that peak uses                                             2.22
cores with 30 % headroom                                         3.17
cores per 1,000 requests/s, as bought                             0.3
saturation, requests/s                                         54,000
p50 at peak, ms                                 0.15 (0.147 to 0.152)
p99 at peak, ms                                0.505 (0.492 to 0.514)
p99 in bursts without spares, ms, at most 25      2.16 (2.08 to 2.19)
p99 at peak if all took from one queue, ms     0.246 (0.236 to 0.266)
memory of an instance, MiB                    153 and its connections

limit                  instances  unrounded  requests/s of a process
CPU                            3       2.59                    6,300
CPU in bursts (binds)          3       2.75                    8,550
latency                        3       2.75                    8,550
measured range                 3       2.22                   12,250

mechanism  share  CPU µs/request at peak  cores at peak  price per million
jwt         50 %                     167           1.67             0.0594
mtls        50 %                    55.6          0.556             0.0198

rate + 10 %: +0.317 cores of work, +0 instances

- ASSUMED by --scaling: 2 processes of an instance do 0.9 times what as many alone would
- a process for each core; instances share nothing but the authorization server, and load is
  spread evenly over them
- requests of independent clients (Poisson) at each rate; what comes in waves is in the burst of
  ×1.5
- a request goes to the process that has its connection: each has a queue of its own
- connections stay open: new ones and their handshakes cost nothing here
- at little load a request costs more than is told, up to a third at a tenth of capacity: caches
  are cold then; --measure measures it
- tokens are issued elsewhere: give --clients and --token-lifetime for the grants
- CPU of a session is off by 0.0 % sd: left out
- intervals: nominal 90 %, by bootstrap over 12 blocks and sessions, seed 1; runs run-1

Valid up to 12,250 requests/s of a process (9,804 were measured of this mix, peak has 3,333), for
  Synthetic CPU, and the parameters above.

NOT VALIDATED on this machine: npm run size -- --validate holds predictions against what is
  measured then.
`
