import { join } from 'node:path'
import { Ajv } from 'ajv'
import { SizeEnvelopeSchema, type SizeEnvelope } from './analysis/sizing-schema.ts'
import { BenchError } from './errors.ts'
import { listJson, saveJson } from './json-folder.ts'
import type { Run } from './results.ts'
import { saveRun } from './store.ts'
import { parseValidation, type Validation } from './validations.ts'

/** Saves a size beside the runs of a folder; returns the file's path. Throws `results-unwritable`. */
export function saveSizing(results: string, sizing: SizeEnvelope): string {
  return saveJson(join(results, sizings), sizing.sizingId, sizing)
}

/** Every readable size beside the runs of a folder, newest first. */
export function listSizings(results: string): SizeEnvelope[] {
  return listJson(join(results, sizings), parseSizing)
}

/** Saves a validation, and the run that it was measured in, which is of no use as a run by itself. */
export function saveValidation(results: string, validation: Validation, run: Run): string {
  saveRun(join(results, validations, 'runs'), run)
  return saveJson(join(results, validations), validation.validationId, validation)
}

/** Every readable validation beside the runs of a folder, newest first. */
export function listValidations(results: string): Validation[] {
  return listJson(join(results, validations), parseValidation)
}

/** Folder of charts of sizes. */
export function sizingFolder(results: string): string {
  return join(results, sizings)
}

function parseSizing(value: unknown, origin: string): SizeEnvelope {
  if (validate(value)) return value
  const [first] = validate.errors ?? []
  throw new BenchError(
    'results-unreadable',
    `${origin}: no size of schema 1: ${first?.instancePath ?? ''} ${first?.message ?? ''}`.trimEnd(),
  )
}

const validate = new Ajv({ allErrors: false }).compile<SizeEnvelope>(SizeEnvelopeSchema)
const sizings = 'sizings'
const validations = 'validation'
