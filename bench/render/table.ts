import { styleText } from 'node:util'
import Table from 'cli-table3'

/** How text may be made: escape codes only where asked for. */
export interface TextOptions {
  readonly color: boolean
}

/** One column: its head, and where its cells stand. */
export interface Column {
  readonly head: string
  readonly align: 'left' | 'right'
}

/** A table without lines: columns two spaces apart, nothing behind the last cell of a row. */
export function plainTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { color }: TextOptions,
): string[] {
  const table = new Table({
    chars: noLines,
    // Empty styles: the package would otherwise colour heads and lines by itself.
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    colAligns: columns.map(({ align }) => align),
  })
  table.push(
    columns.map(({ head }) => paint(head, 'bold', { color })),
    ...rows.map((row) => [...row]),
  )
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
}

/** Text in a style, if colours are asked for. */
export function paint(
  text: string,
  style: 'bold' | 'dim' | 'red' | 'green' | 'yellow',
  { color }: TextOptions,
): string {
  return color && text !== '' ? styleText(style, text, { validateStream: false }) : text
}

/** Lines that fit in `TEXT_WIDTH`, those after the first indented. */
export function wrap(text: string, indent = ''): string[] {
  const [first = '', ...others] = wrapWords(text, TEXT_WIDTH - indent.length)
  return [first, ...others.map((line) => `${indent}${line}`)]
}

/** Lines of at most this many characters, broken at spaces but not within 9 ± 1 µs; a longer word stands alone. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = []
  let line: string | null = null
  for (const word of text.split(/(?<!±) (?![±%]|µs)/)) {
    if (line === null) line = word
    else if (line.length + 1 + word.length <= width) line += ` ${word}`
    else {
      lines.push(line)
      line = word
    }
  }
  return line === null ? lines : [...lines, line]
}

/** Columns of a terminal that output fits in, as far as names allow. */
export const TEXT_WIDTH = 100

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
}
