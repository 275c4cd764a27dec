import { join } from 'node:path'
import { Command } from 'commander'
import { isFit, judge } from '../doctor/checks.ts'
import { doctorEnvelope, doctorTable } from '../doctor/present.ts'
import { takeReadings, type Readings } from '../doctor/readings.ts'
import { BenchError, exitCodeOf } from '../errors.ts'
import type { CommandResult, Io } from './io.ts'

/** `doctor`: whether this machine is fit to measure, and what to mend; exit 3 when it is not. */
export function doctorCommand(io: Io, done: (result: CommandResult) => void): Command {
  return new Command('doctor')
    .description('is this machine fit to measure, and what to mend')
    .option('--results <folder>', 'where runs are kept', join(io.root, 'results'))
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', '\nExample:\n  npm run doctor')
    .action(async ({ results, json }: { results: string; json?: true }) => {
      const readings = await takeReadings({ root: io.root, results, signal: io.signal })
      done(report(readings, { json: json === true }, io))
    })
}

/** Prints the verdict on some readings; the command's outcome. */
export function report(
  readings: Readings,
  { json }: { readonly json: boolean },
  io: Pick<Io, 'out' | 'err'>,
): CommandResult {
  const results = judge(readings)
  const fit = isFit(results)
  io.out(json ? `${JSON.stringify(doctorEnvelope(results, fit))}\n` : doctorTable(results))
  if (fit) return { exitCode: 0 }
  const unfit = results.flatMap(({ id, state }) => (state === 'unfit' ? [id] : []))
  const error = new BenchError('unfit', `unfit to measure: ${unfit.join(', ')}; see the advice`)
  io.err(`trustbench: ${error.message}\n`)
  return { exitCode: exitCodeOf(error) }
}
