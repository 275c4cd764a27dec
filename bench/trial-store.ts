import { join } from 'node:path'
import { listJson, saveJson } from './json-folder.ts'
import { parseTrials, type TrialsFile } from './trials.ts'

/** Saves trials beside the runs of a folder; returns the file's path. Throws `results-unwritable`. */
export function saveTrials(results: string, trials: TrialsFile): string {
  return saveJson(join(results, folderName), trials.trialsId, trials)
}

/** Every readable file of trials beside the runs of a folder, newest first. */
export function listTrials(results: string): TrialsFile[] {
  return listJson(join(results, folderName), parseTrials)
}

const folderName = 'trials'
