import { join } from 'node:path'
import { parseEvents, type EventsFile } from './events.ts'
import { listJson, saveJson } from './json-folder.ts'

/** Saves events beside the runs of a folder; returns the file's path. Throws `results-unwritable`. */
export function saveEvents(results: string, events: EventsFile): string {
  return saveJson(join(results, folderName), events.eventsId, events)
}

/** Every readable file of events beside the runs of a folder, newest first. */
export function listEvents(results: string): EventsFile[] {
  return listJson(join(results, folderName), parseEvents)
}

const folderName = 'events'
