import { Type } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { fetch } from 'undici'
import { BenchError } from '../errors.ts'
import type { CpuPlan } from './cpu.ts'
import { describeFault } from './faults.ts'
import { parseWebUrl, storableUrl } from './url.ts'

/** CPU out of a counter of seconds that a Prometheus server scrapes; throws usage errors. */
export function prometheusPlan(address: string, query: string): CpuPlan {
  const url = parseWebUrl('--prometheus', address)
  const shown = `--prometheus ${storableUrl(url)}`
  return {
    kind: 'prometheus',
    async open() {
      await secondsOf(url, query, shown)
      return {
        perSlice: false,
        resolutionMs: await resolutionMsOf(url, query),
        readUs: async () => (await secondsOf(url, query, shown)) * usPerSecond,
      }
    },
  }
}

/** The value of an instant query, summed over its series. */
async function secondsOf(url: URL, query: string, shown: string): Promise<number> {
  const values = await ask(url, query).catch((error: unknown) => {
    throw new BenchError('measurement-failed', `${shown}: ${describeFault(error)}`, {
      cause: error,
    })
  })
  if (values.length === 0) {
    throw new BenchError(
      'measurement-failed',
      `${shown}: the query finds no series, expected a counter of CPU seconds`,
    )
  }
  return values.reduce((sum, value) => sum + value, 0)
}

/** Time between two scrapes, by how many of them five minutes hold; null where the query is no plain counter. */
async function resolutionMsOf(url: URL, query: string): Promise<number | null> {
  try {
    const counts = await ask(url, `count_over_time(${query}[5m])`)
    const most = Math.max(...counts)
    return most > 1 ? Math.round((windowSeconds * msPerSecond) / most) : null
  } catch {
    // A sum or a rate cannot be counted so: its resolution stays unknown, and is told as such.
    return null
  }
}

async function ask(base: URL, query: string): Promise<number[]> {
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/$/, '')}/api/v1/query`
  url.searchParams.set('query', query)
  const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
  const body: unknown = await answer.json().catch(() => null)
  if (!isAnswer(body)) throw new Error(`answers ${answer.status}, and not as Prometheus does`)
  const { result } = body.data
  const values = result.map(({ value: [, text] }) => Number(text))
  if (values.some((value) => !Number.isFinite(value)))
    throw new Error('answers with what is no number of seconds')
  return values
}

const sample = Type.Tuple([Type.Number(), Type.String()])
const isAnswer = new Ajv().compile<{
  data: { result: { value: [number, string] }[] }
}>(
  Type.Object({
    status: Type.Literal('success'),
    data: Type.Object({
      resultType: Type.Literal('vector'),
      result: Type.Array(Type.Object({ value: sample })),
    }),
  }),
)
const windowSeconds = 300
const timeoutMs = 5_000
const msPerSecond = 1_000
const usPerSecond = 1e6
