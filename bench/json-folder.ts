import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BenchError } from './errors.ts'
import { saveFile } from './store.ts'

/** Saves one JSON file in a folder beside the runs; returns its path. Throws `results-unwritable`. */
export function saveJson(folder: string, id: string, value: unknown): string {
  const file = join(folder, `${id}.json`)
  saveFile(file, `${JSON.stringify(value)}\n`)
  return file
}

/** Every readable file of a folder, newest first; a folder that is not there holds nothing. */
export function listJson<T extends { readonly startedAt: string }>(
  folder: string,
  parse: (value: unknown, origin: string) => T,
): T[] {
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch {
    return []
  }
  return names
    .flatMap((name) => {
      try {
        return [parse(JSON.parse(readFileSync(join(folder, name), 'utf8')), name)]
      } catch (error) {
        if (error instanceof BenchError || error instanceof SyntaxError) return []
        throw error
      }
    })
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
}
