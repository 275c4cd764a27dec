import { metricNames, metrics } from '../analysis/metrics.ts'
import type { Summary } from '../analysis/summary.ts'

/** Every figure of every case as CSV (RFC 4180): one line each, unknown ones left out. */
export function renderCsv({ arms }: Summary): string {
  const lines = arms.flatMap(({ record, figures }) =>
    metricNames.flatMap((name) => {
      const estimate = figures?.metrics[name] ?? null
      if (estimate === null) return []
      const { estimate: value, low, high, level, blocks } = estimate
      return [[record.id, record.role, name, metrics[name].unit, value, low, high, level, blocks]]
    }),
  )
  return [heads, ...lines].map((cells) => `${cells.map(cellOf).join(',')}\r\n`).join('')
}

function cellOf(value: string | number | null): string {
  if (value === null) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const heads = ['case', 'role', 'metric', 'unit', 'estimate', 'low', 'high', 'level', 'blocks']
