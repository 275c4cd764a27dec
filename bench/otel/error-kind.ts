/**
 * A reason as `error.type` of the semantic conventions: one of few words. What a connection says of itself
 * holds its port, which is another in each block.
 */
export function errorKind(reason: string): string {
  for (const [pattern, kind] of kinds) {
    const found = pattern.exec(reason)
    if (found !== null) return kind + (found[1] ?? '')
  }
  return '_OTHER'
}

/** What is in parentheses is added to the word. */
const kinds: readonly (readonly [RegExp, string])[] = [
  [/^(timeout|connection_refused)$/, ''],
  [/^wrong status: ([1-5]\d\d)/, ''],
  [/^wrong body/, 'wrong_body'],
  [/^wrong response/, 'wrong_response'],
  [/\balert number (\d{1,3})\b/, 'tls_alert_'],
  [/\b(E[A-Z]{4,15}|ERR_[A-Z\d_]{1,40})\b/, ''],
  [/^the server closed the connection/, 'connection_closed'],
]
