import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Calibration } from '../bench/analysis/calibration.ts'
import { BenchError, exitCodeOf } from '../bench/errors.ts'
import { renderEvidence, type Evidence } from './evidence/table.ts'

// What the numbers of this tool are worth on this machine, measured by its own commands:
//   npm run evidence                 every step, about an hour and a half on two cores
//   npm run evidence -- drivers      one of: selftest, full, reanalysis, drivers
//   npm run evidence -- table        only what is stored
// Raw output is kept in results/reference/, one file a step; the table is made of these files alone.

const root = join(import.meta.dirname, '..')
const folder = join(root, 'results', 'reference')
const files = {
  selftest: join(folder, 'selftest.json'),
  full: join(folder, 'full.json'),
  reanalysis: join(folder, 'reanalysis.json'),
  drivers: join(folder, 'drivers.json'),
} as const

type Step = keyof typeof files

const steps: Readonly<Record<Step, () => void>> = {
  selftest() {
    trustbench([
      'selftest',
      '--rounds',
      '10',
      '--tries',
      '5',
      '--inject',
      '5%,3%',
      // 15 blocks here, 150 over the A/A rounds. The confirmation takes half as long again.
      '--budget',
      '200s',
      '--out',
      files.selftest,
    ])
  },
  full() {
    const startMs = performance.now()
    const printed = trustbench(['bench', ...mechanisms, '--full', '--json'])
    const seconds = (performance.now() - startMs) / 1_000
    const run = JSON.parse(printed) as {
      file: string
      blocksMeasured: number
      environment: unknown
    }
    save(files.full, {
      command: `bench ${mechanisms.join(' ')} --full`,
      seconds,
      blocks: run.blocksMeasured,
      environment: run.environment,
      // Not where this machine keeps it.
      file: relative(root, run.file),
    })
  },
  reanalysis() {
    const { file } = JSON.parse(readFileSync(files.full, 'utf8')) as { file: string }
    const once = () => {
      const startMs = performance.now()
      // A run against itself is analysed twice, and its comparison on top.
      const printed = trustbench(['compare', file, file, '--json'])
      return {
        seconds: (performance.now() - startMs) / 1_000,
        sha256: createHash('sha256').update(printed).digest('hex'),
      }
    }
    save(files.reanalysis, { analyses: [once(), once(), once()] })
  },
  drivers() {
    launch(['scripts/driver-benchmark.ts', '--blocks', '12', '--out', files.drivers])
  },
}

function run(names: readonly string[]): void {
  const known = [...Object.keys(steps), 'table']
  const wrong = names.find((name) => !known.includes(name))
  if (wrong !== undefined)
    throw new BenchError('usage', `step ${wrong}: there are ${known.join(', ')}`)
  for (const step of Object.keys(steps) as Step[]) {
    if (names.length === 0 || names.includes(step)) steps[step]()
  }
  process.stdout.write(renderEvidence(readEvidence()))
}

function readEvidence(): Evidence {
  const read = (file: string): unknown =>
    existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
  return {
    calibration: (read(files.selftest) as { calibration: Calibration } | null)?.calibration ?? null,
    full: read(files.full) as Evidence['full'],
    reanalysis: read(files.reanalysis) as Evidence['reanalysis'],
    drivers: read(files.drivers) as Evidence['drivers'],
  }
}

function trustbench(words: readonly string[]): string {
  return launch(['scripts/launch.mjs', ...words])
}

/** Output of a program of this tree; its progress goes to stderr. Throws where it failed. */
function launch(words: readonly string[]): string {
  const { status, stdout } = spawnSync(process.execPath, words, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // 1 is a driver benchmark with a claim that does not hold: that is evidence too.
  if (status === 0 || status === 1) return stdout
  throw new BenchError('measurement-failed', `${words.join(' ')}: exit code ${status ?? 'none'}`)
}

function save(file: string, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 1)}\n`)
}

/** The five against the baseline, plain TLS. */
const mechanisms = ['http', 'mtls', 'jwt', 'introspection', 'combined']

if (import.meta.main) {
  try {
    run(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
}
