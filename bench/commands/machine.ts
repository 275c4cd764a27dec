import { acquireLock } from '../lock.ts'
import type { Mode, Warning } from '../results.ts'

/** The machine, taken for one measuring command, with what its run must say of that. */
export interface TakenMachine extends AsyncDisposable {
  readonly warnings: readonly Warning[]
}

/** Takes the machine: two measuring runs falsify each other. A smoke run measures nothing and takes nothing. */
export async function takeMachine(kind: string, mode: Mode): Promise<TakenMachine> {
  if (mode === 'smoke') return { warnings: [], [Symbol.asyncDispose]: () => Promise.resolve() }
  const lock = await acquireLock(kind)
  return {
    warnings: lock.warning === null ? [] : [lock.warning],
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
  }
}
