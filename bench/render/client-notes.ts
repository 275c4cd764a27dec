import type { ArmSummary } from '../analysis/summary.ts'
import { plainText } from './charts-text.ts'

/** How many of a target's distinct clients took part, by count of what was sent of each; of one client nothing. */
export function clientNotes(arms: readonly ArmSummary[]): string[] {
  return arms.flatMap(({ record: { id, target } }) => {
    if (target?.clients === undefined) return []
    const { configured, first, certificates, tokens } = target.clients
    const told = [
      ...(certificates === null ? [] : [`${count(certificates)} certificates presented`]),
      ...(tokens === null ? [] : [`tokens of ${count(tokens)} sent`]),
    ]
    const seen = Math.min(certificates ?? configured, tokens ?? configured)
    const range = `numbers ${first} to ${first + configured - 1}`
    return [
      `${plainText(id)}: ${count(seen)} of ${count(configured)} distinct clients took part (${range}): ${told.join(', ')}.`,
    ]
  })
}

function count(value: number): string {
  return value.toLocaleString('en')
}
