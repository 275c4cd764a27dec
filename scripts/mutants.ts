import { spawn } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { catalogue } from '../bench/preflight/catalogue.ts'
import { combinedMutants } from './mutants/combined.ts'
import { dpopMutants } from './mutants/dpop.ts'
import { introspectionMutants } from './mutants/introspection.ts'
import { jwtMutants } from './mutants/jwt.ts'
import type { Edit, Mutant, Repair } from './mutants/mutant.ts'
import { mutualTlsMutants, mutualTlsRepairs } from './mutants/mutual-tls.ts'
import { tlsMutants } from './mutants/tls.ts'
import { topologyMutants } from './mutants/topologies.ts'

// Proves that the refusals are a gate: for each bad credential a bug that lets it in is put into a
// copy of the source, and `verify` run there must fail on exactly that row.

/** All mutants: at least one for each id that must be refused. */
export const mutants: readonly (Mutant | Repair)[] = [
  ...tlsMutants,
  ...mutualTlsMutants,
  ...mutualTlsRepairs,
  ...jwtMutants,
  ...introspectionMutants,
  ...combinedMutants,
  ...dpopMutants,
  ...topologyMutants,
]

/** What `verify` made of one mutant. */
export interface Trial {
  readonly mutant: Mutant | Repair
  readonly exitCode: number | null
  /** Rows that failed, each with the other ids it stands for. */
  readonly failed: readonly FailedRow[]
  /** Whether it exited with 3 because of the mutant's row alone, and that says what it has to. */
  readonly isCaught: boolean
  readonly stderr: string
}

interface FailedRow {
  readonly id: string
  readonly sameAs: readonly string[]
  readonly outcome: string
}

/** Ids to be refused for which there is no mutant. */
export function missingIds(): string[] {
  const covered = new Set(mutants.map(({ id }) => id))
  return catalogue
    .filter(({ id, kind }) => kind === 'refuse' && !covered.has(id))
    .map(({ id }) => id)
}

/** Runs `verify` in a mutated copy of the source tree; throws when an edit does not apply. */
export async function tryMutant(root: string, mutant: Mutant | Repair): Promise<Trial> {
  const tree = await mkdtemp(join(tmpdir(), 'trustbench-mutant-'))
  try {
    copyTree(root, tree)
    for (const change of mutant.edits) apply(tree, change, mutant)
    const { exitCode, stdout, stderr } = await verify(tree, mutant.verify)
    const failed = failedRows(stdout)
    const [only] = failed
    const isCaught =
      exitCode === failureExitCode &&
      failed.length === 1 &&
      only !== undefined &&
      [only.id, ...only.sameAs].includes(mutant.id) &&
      (mutant.outcome ?? /accepted: 2/).test(only.outcome)
    return { mutant, exitCode, failed, isCaught, stderr }
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
}

/** Tries mutants, some at a time; hands over each trial when it is done. */
export async function tryAll(
  root: string,
  chosen: readonly (Mutant | Repair)[],
  onTrial: (trial: Trial) => void,
): Promise<void> {
  const queue = [...chosen]
  const work = async () => {
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      onTrial(await tryMutant(root, mutant))
    }
  }
  // A worker that fails waits for the others, which have copies to remove.
  const ended = await Promise.allSettled(Array.from({ length: concurrency }, work))
  for (const result of ended) if (result.status === 'rejected') throw result.reason
}

/** One line about a trial. */
export function describeTrial({ mutant, exitCode, failed, isCaught, stderr }: Trial): string {
  const rows = failed.map(({ id, sameAs, outcome }) => `${[id, ...sameAs].join('=')} (${outcome})`)
  const why =
    'enforcedBy' in mutant ? `${mutant.bug}; enforced by ${mutant.enforcedBy}` : mutant.bug
  const verdict = isCaught ? 'caught' : `NOT CAUGHT, exit ${exitCode ?? 'by signal'}`
  return `${mutant.id.padEnd(5)} ${verdict}: ${why}\n      ${rows.join(', ') || stderr.trim() || 'no row failed'}`
}

function copyTree(root: string, tree: string): void {
  for (const name of ['bench', 'scenarios', 'scripts', 'servers', 'package.json']) {
    cpSync(join(root, name), join(tree, name), {
      recursive: true,
      filter: (path) => !path.endsWith('.test.ts'),
    })
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
}

function apply(tree: string, { file, find, replace }: Edit, { id, bug }: Mutant): void {
  const path = join(tree, file)
  const source = readFileSync(path, 'utf8')
  const occurrences = source.split(find).length - 1
  if (occurrences !== 1) {
    throw new Error(
      `${id} (${bug}): ${JSON.stringify(find)} occurs ${occurrences} times in ${file}, not once`,
    )
  }
  writeFileSync(
    path,
    source.replace(find, () => replace),
  )
}

async function verify(tree: string, parameters: readonly string[]) {
  const child = spawn(
    process.execPath,
    [join('scripts', 'launch.mjs'), 'verify', ...parameters, '--json'],
    { cwd: tree, stdio: ['ignore', 'pipe', 'pipe'], timeout: verifyTimeoutMs },
  )
  const [stdout, stderr, exitCode] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ])
  return { stdout, stderr, exitCode }
}

function failedRows(stdout: string): FailedRow[] {
  if (stdout === '') return []
  const { refusals } = JSON.parse(stdout) as { refusals: (FailedRow & { passed: boolean })[] }
  return refusals.filter(({ passed }) => !passed)
}

/** DESIGN section 5. */
const failureExitCode = 3
/** Two cores, and a mutant waits for its servers as often as it computes. */
const concurrency = 2
const verifyTimeoutMs = 60_000

if (import.meta.main) {
  const ids = process.argv.slice(2)
  const chosen = mutants.filter(({ id }) => ids.length === 0 || ids.includes(id))
  let missed = ids.length === 0 ? missingIds().length : 0
  await tryAll(join(import.meta.dirname, '..'), chosen, (trial) => {
    if (!trial.isCaught) missed += 1
    process.stdout.write(`${describeTrial(trial)}\n`)
  })
  process.exitCode = missed === 0 ? 0 : 1
}
