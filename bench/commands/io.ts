import type { Writable } from 'node:stream'

/** What a command may touch of the process it runs in. */
export interface Io {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Aborted by Ctrl-C and its like, with a BenchError as the reason. */
  readonly signal: AbortSignal
  /** Root of this source tree. */
  readonly root: string
  readonly stdoutIsTerminal: boolean
  /** Where live progress goes, if it is a terminal. */
  readonly stderr: Writable & { readonly isTTY?: boolean }
}

/** How a command ended. */
export interface CommandResult {
  readonly exitCode: number
}

/** Adds a value to those given before: for options that may come more than once. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}
