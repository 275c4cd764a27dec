import type { ArmRecord } from '../results.ts'
import { plainText, shortenCaseIds } from './charts-text.ts'

/** Rows of a table by what tells them apart, and what they have in common. */
export interface Labels {
  /** In the order of the arms. */
  readonly rows: readonly string[]
  readonly common: readonly string[]
}

/** Names arms by scenario and the parameters that differ; two arms of one case by tree or number. */
export function labelArms(arms: readonly ArmRecord[]): Labels {
  const { rows, common } = shortenCaseIds(arms.map(({ caseId }) => caseId))
  const names = rows.map(({ name, detail }) =>
    [name, detail].filter((part) => part !== '').join(' '),
  )
  const labelled = arms.map((arm, index) => {
    const twins = arms.filter(({ caseId }) => caseId === arm.caseId)
    const name = names[index] ?? arm.caseId
    if (twins.length === 1) return name
    const isSameTree = twins.every(({ source }) => source.label === arm.source.label)
    return isSameTree
      ? `${name} #${twins.indexOf(arm) + 1}`
      : `${name} (${plainText(arm.source.label)})`
  })
  return { rows: labelled, common }
}
