import { homedir } from 'node:os'
import type * as png from './render/png.ts'

/**
 * Loads what draws PNGs; not before it is needed, since chart.js and its canvas must not be in the client's memory
 * while it measures.
 */
export async function loadPng(): Promise<typeof png> {
  // The canvas looks for fonts in the user's home as it is loaded, and a user of a container has none.
  try {
    homedir()
  } catch {
    process.env['HOME'] = '/nonexistent'
  }
  return import('./render/png.ts')
}
