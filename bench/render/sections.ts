import type { Warning } from '../results.ts'
import { plainText } from './charts-text.ts'
import { paint, wrap, type TextOptions } from './table.ts'

/** Sections of lines with an empty line between them, and one line feed at the end. */
export function joinSections(sections: readonly (readonly string[])[]): string {
  const told = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'))
  return `${told.join('\n\n')}\n`
}

/** Warnings, each with its advice on a line of its own. */
export function warningLines(warnings: readonly Warning[], options: TextOptions): string[] {
  return warnings.flatMap(({ message, advice }) => [
    ...wrap(`warning: ${plainText(message)}`, '  ').map((line) => paint(line, 'yellow', options)),
    ...wrap(`  ${plainText(advice)}`, '  '),
  ])
}

/** Whether a warning keeps every figure from being quoted, so that it stands above them. */
export function isGrave({ code }: Warning): boolean {
  return code === 'smoke' || code === 'incomplete'
}
