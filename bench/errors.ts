/** Every way trustbench can fail, closed: the exit code follows from it (DESIGN section 5). */
export type ErrorCode =
  | 'usage'
  | 'not-comparable'
  | 'arm-failed'
  | 'preflight-failed'
  | 'measurement-failed'
  | 'results-unwritable'
  | 'results-unreadable'
  | 'unfit'
  | 'interrupted'

/** The one error of trustbench: a single line that says what, which value, and what to do about it. */
export class BenchError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BenchError'
    this.code = code
  }
}

/** Exit code of an error: 64 wrong use (sysexits EX_USAGE), 130 interrupted, 3 could not measure. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof BenchError)) return 3
  switch (error.code) {
    case 'usage':
    case 'not-comparable':
      return 64
    case 'interrupted':
      return 130
    case 'arm-failed':
    case 'preflight-failed':
    case 'measurement-failed':
    case 'results-unwritable':
    case 'results-unreadable':
    case 'unfit':
      return 3
  }
}
