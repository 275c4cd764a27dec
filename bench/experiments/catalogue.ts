import { attackEvents } from './events-attack.ts'
import { clockFaults } from './events-clock.ts'
import { expiries } from './events-expire.ts'
import { issuerFaults } from './events-issuer.ts'
import { revocations } from './events-revoke.ts'
import { rotations } from './events-rotate.ts'
import { thefts } from './events-thief.ts'
import type { Experiment } from './experiment.ts'

/** Every event, by the name that claims have for it. */
export const events: readonly Experiment[] = [
  ...revocations,
  ...expiries,
  ...rotations,
  ...issuerFaults,
  ...clockFaults,
  ...thefts,
  ...attackEvents,
]
