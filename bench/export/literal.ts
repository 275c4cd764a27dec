/**
 * Text as a literal of JavaScript and of YAML: JSON is both, and in ASCII no reader takes a character of it
 * for the end of a line.
 */
export function literal(text: string): string {
  return JSON.stringify(text).replace(/[^ -~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** A number without an exponent, to six decimals: k6 reads no other in thresholds. */
export function decimal(value: number): string {
  return value.toFixed(6).replace(/\.?0+$/, '')
}

/** Text for a comment: what would end its line, or is no text, is a space. */
export function commentText(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}
