import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEvents, type EventsFile } from './events.ts'
import { BenchError } from './errors.ts'
import { saveFile } from './store.ts'

/** Saves events beside the runs of a folder; returns the file's path. Throws `results-unwritable`. */
export function saveEvents(results: string, events: EventsFile): string {
  const file = join(results, folderName, `${events.eventsId}.json`)
  saveFile(file, `${JSON.stringify(events)}\n`)
  return file
}

/** Every readable file of events beside the runs of a folder, newest first. */
export function listEvents(results: string): EventsFile[] {
  const folder = join(results, folderName)
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch {
    return []
  }
  return names
    .flatMap((name) => {
      try {
        return [parseEvents(JSON.parse(readFileSync(join(folder, name), 'utf8')), name)]
      } catch (error) {
        if (error instanceof BenchError || error instanceof SyntaxError) return []
        throw error
      }
    })
    .sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1))
}

const folderName = 'events'
