import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type, type Static } from '@sinclair/typebox'
import { readSource } from '../environment.ts'
import { count, nullable, strict, text } from '../result-values.ts'
import { measuringVersion } from '../run.ts'

/** What a coordinator and its seats must have in common: what they measure by. */
export const SourceSchema = Type.Object(
  {
    version: text,
    measuringVersion: count,
    /** SHA-256 of what runs: of the programs of `bench/` and `servers/`. */
    digest: text,
    commit: nullable(text),
  },
  strict,
)

export type SeatSource = Static<typeof SourceSchema>

/** That of a tree; no commit where git cannot tell, as in an image. */
export function seatSource(root: string): SeatSource {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : 'unknown'
  return { version, measuringVersion, digest: digestOf(root), commit: readSource(root).commit }
}

/** In what a seat's source differs from that of the plan; null where both may measure together. */
export function sourceDifference(plan: SeatSource, own: SeatSource): string | null {
  if (plan.version !== own.version)
    return `this seat is of version ${own.version}, the plan of ${plan.version}`
  if (plan.measuringVersion !== own.measuringVersion) {
    return `this seat measures by version ${own.measuringVersion}, the plan by ${plan.measuringVersion}`
  }
  if (plan.digest === own.digest) return null
  // Two trees of one commit differ where one was changed, and an image has no commit.
  if (plan.commit === null || own.commit === null || plan.commit === own.commit)
    return `this seat runs other code (${own.digest.slice(0, 8)}) than the plan is of (${plan.digest.slice(0, 8)})`
  return `this seat is of commit ${own.commit.slice(0, 8)}, the plan of ${plan.commit.slice(0, 8)}`
}

function digestOf(root: string): string {
  const hash = createHash('sha256')
  const files = globSync(['bench/**/*.ts', 'servers/**/*.ts'], { cwd: root })
  // Tests and what they stand on are in no image.
  for (const file of files.filter((name) => !isOfTests.test(name)).sort())
    hash
      .update(`${file.replaceAll('\\', '/')}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0')
  return hash.digest('hex')
}

const isOfTests = /(\.test|-testbed|-testdata|[/\\]testbed|[/\\]testdata)\.ts$/
