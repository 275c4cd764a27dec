import { get } from 'node:http'
import { benchmarkFollower, exitWith } from './follower-benchmark/benchmark.ts'

// Does `bench --open` add anything to what is measured? Pairs of short runs, with the page and a reader
// of its events, and without; the order within a pair is random.
//   node scripts/live-benchmark.ts [--pairs 20] [--budget 20s] [--scenario tls] [--out file.json]

/** Reads a page's events until it closes, as a browser would; none where it is not there. */
function countEvents(url: string): Promise<number> {
  return new Promise((resolve) => {
    get(`${url}events?seen=0`, { agent: false }, (response) => {
      let count = 0
      response.setEncoding('utf8').on('data', (text: string) => {
        count += text.match(/^event: /gm)?.length ?? 0
      })
      response.once('close', () => {
        resolve(count)
      })
    }).once('error', () => {
      resolve(0)
    })
  })
}

if (import.meta.main) {
  await exitWith(() =>
    benchmarkFollower({
      follower: { words: ['--open'], address: /live page: (http:\S+)\n/, watch: countEvents },
      words: { process: 'the page’s process', seen: 'events read' },
      names: { followed: 'withPage', follower: 'page', seen: 'events' },
    }),
  )
}
