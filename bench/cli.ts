import { Command, CommanderError } from 'commander'
import { join } from 'node:path'
import { benchCommand } from './commands/bench.ts'
import { claimsCommand } from './commands/claims.ts'
import { compareCommand } from './commands/compare.ts'
import { doctorCommand } from './commands/doctor.ts'
import { exportCommand } from './commands/export.ts'
import { microCommand } from './commands/micro.ts'
import type { CommandResult, Io } from './commands/io.ts'
import { reportCommand } from './commands/report.ts'
import { seatCommand } from './commands/seat.ts'
import { selftestCommand } from './commands/selftest.ts'
import { serverCommand } from './commands/server.ts'
import { sizeCommand } from './commands/size.ts'
import { verifyCommand } from './commands/verify.ts'
import { BenchError, exitCodeOf } from './errors.ts'

/** Runs one command line; returns its exit code. Writes to `io` only, and never ends the process. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let result: CommandResult = { exitCode: 0 }
  const program = createProgram(io, (done) => {
    result = done
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return result.exitCode
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? 0 : exitCodeOf(new BenchError('usage', ''))
    const cause: unknown = io.signal.aborted ? io.signal.reason : error
    io.err(`trustbench: ${lineOf(cause)}\n`)
    return exitCodeOf(cause)
  }
}

/** Runs the process' own command line: signals, streams, exit code. */
export async function start(argv: readonly string[]): Promise<void> {
  const interrupt = new AbortController()
  const onSignal = () => {
    interrupt.abort(
      new BenchError(
        'interrupted',
        'interrupted; what was measured is saved and marked incomplete',
      ),
    )
  }
  // Repeated signals change nothing: npm, a shell and a terminal may each send one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  // A reader that closed the pipe, as in `| head`, wants no more; that is no failure.
  process.stdout.on('error', () => undefined)
  process.exitCode = await main(argv, {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    signal: interrupt.signal,
    root: join(import.meta.dirname, '..'),
    stdoutIsTerminal: process.stdout.isTTY,
    stderr: process.stderr,
  })
}

function createProgram(io: Io, done: (result: CommandResult) => void): Command {
  const program = new Command('trustbench')
    .description(
      'What trust between machines costs, measured: TLS, mutual TLS, JWT, introspection, mTLS + OAuth',
    )
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      outputError: (text) => {
        io.err(oneLine(text))
      },
    })
  for (const create of [
    benchCommand,
    compareCommand,
    verifyCommand,
    claimsCommand,
    microCommand,
    sizeCommand,
    exportCommand,
    reportCommand,
    serverCommand,
    seatCommand,
    selftestCommand,
    doctorCommand,
  ]) {
    const command = create(io, done)
    command.exitOverride().copyInheritedSettings(program)
    program.addCommand(command)
  }
  return program
}

/** Commander says `error: …` and adds help on lines of its own; one line is enough. */
function oneLine(text: string): string {
  return `trustbench: ${text
    .replace(/^error: /, '')
    .replace(/\s+/g, ' ')
    .trim()}; see --help\n`
}

function lineOf(error: unknown): string {
  if (error instanceof BenchError) return error.message.replaceAll('\n', ' ')
  return error instanceof Error
    ? `unexpected failure, please report it: ${error.stack ?? error.message}`
    : String(error)
}
