import type { ArmRecord } from '../results.ts'
import { plainText, shortenCaseIds } from './charts-text.ts'
import { wrapWords } from './table.ts'

/** Rows of a table by what tells them apart, and what they have in common. */
export interface Labels {
  /** In the order of the arms. */
  readonly rows: readonly string[]
  readonly common: readonly string[]
}

/** Names arms by scenario and the parameters that differ; two arms of one case by tree or number. */
export function labelArms(arms: readonly ArmRecord[]): Labels {
  // A target has a name of its own, and a URL in it is no list of parameters.
  if (arms.length > 0 && arms.every(({ target }) => target !== undefined))
    return { rows: arms.map(({ id }) => plainText(id)), common: [] }
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

/** A name on lines of the width of a first column; a parameter too long for one is broken after its =. */
export function wrapLabel(name: string): string {
  const words = name
    .split(' ')
    .map((word) => (word.length > LABEL_WIDTH ? word.replace('=', '= ') : word))
  return wrapWords(words.join(' '), LABEL_WIDTH).join('\n')
}

/** Name of the arm that another is told against: its scenario alone where all else is equal. */
export function baselineName(
  arm: ArmRecord,
  baseline: ArmRecord | undefined,
  nameOf: (id: string) => string,
): string {
  if (baseline === undefined) return nameOf(arm.against ?? '')
  return isSibling(arm, baseline) ? baseline.scenario : nameOf(baseline.id)
}

/** Whether the baseline is another scenario with the same parameters, as far as it has them. */
export function isSibling(arm: ArmRecord, baseline: ArmRecord): boolean {
  return (
    arm.scenario !== baseline.scenario &&
    Object.entries(baseline.parameters).every(
      ([name, value]) => (arm.parameters[name] ?? value) === value,
    )
  )
}

/** What the figures of a table leave of 100 columns. */
const LABEL_WIDTH = 19
