/** Data as code in GitHub's Markdown, by HTML tags: a fence of backticks would break at a `|` in a table. */
export function markdownCode(text: string, limit = MOST_CHARACTERS): string {
  const told = markdownProse(text, limit)
  return told === '' ? '–' : `<code>${told}</code>`
}

/**
 * A sentence with data in it as text and nothing but text. Every character that can mean anything in
 * Markdown or HTML becomes a numeric reference: those are never markup (CommonMark 0.31, section 2.5),
 * and unlike `\|` they leave the cells of a table alone.
 */
export function markdownProse(text: string, limit = MOST_CHARACTERS): string {
  return clipped(oneLine(text), limit)
    .replaceAll(linking, `$&${NO_WIDTH}`)
    .replaceAll(active, (character) => `&#${character.codePointAt(0) ?? 0};`)
}

/** A table of GitHub's Markdown; cells are Markdown already. */
export function markdownTable(
  columns: readonly { readonly head: string; readonly align: 'left' | 'right' }[],
  rows: readonly (readonly string[])[],
): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(columns.map(({ head }) => head)),
    line(columns.map(({ align }) => (align === 'right' ? '--:' : ':--'))),
    ...rows.map(line),
  ]
}

/** Commands in a block that nothing in them can end. */
export function markdownCommands(commands: readonly string[]): string[] {
  const lines = commands.map(oneLine)
  const runs = lines.flatMap((line) => line.match(/`+/g) ?? []).map((run) => run.length)
  const fence = '`'.repeat(Math.max(2, ...runs) + 1)
  return [`${fence}sh`, ...lines, fence]
}

/** Words as a POSIX shell takes them apart again; only what has to be is quoted. */
export function shellCommand(words: readonly string[]): string {
  return words
    .map((word) =>
      /^[\w@%+=:,./-]+$/.test(word) ? word : `'${oneLine(word).replaceAll("'", `'\\''`)}'`,
    )
    .join(' ')
}

/** Control and format characters, which break lines, hide or reverse what stands beside them, become a space. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{C}\p{Z}\s]+/gu, ' ').trim()
}

function clipped(text: string, limit: number): string {
  const characters = Array.from(text)
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join('')}…`
}

/**
 * What GitHub makes links of, mentions, numbers of issues, addresses, after references are decoded:
 * a space without width behind this parts them.
 */
const linking = /[@#]|:(?=\/\/)|\bwww(?=\.)|\bGH(?=-\d)/gi
const NO_WIDTH = '\u200b'
const active = /(?!: )[[!-~\u200b]--[\dA-Za-z.,;\(\)\/=%+\-]]/gv
/** Longer than any name or reason of ours: what is longer came from elsewhere. */
const MOST_CHARACTERS = 300
