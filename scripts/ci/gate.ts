import { readOutcome } from './actions.ts'

// Step: the last one. Fails the job as `compare --fail-on worse` said, now that the comment is there.

if (import.meta.main) {
  const outcome = readOutcome(process.env)
  const told = outcome === null ? 'nothing was compared' : `compare ended with ${outcome.exitCode}`
  process.stdout.write(`gate: ${told}\n`)
  process.exitCode = outcome?.exitCode ?? 3
}
