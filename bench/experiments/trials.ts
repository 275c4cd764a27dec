import { agent } from './trial-agent.ts'
import { certificates } from './trial-certificates.ts'
import { coldStart } from './trial-cold-start.ts'
import { handshakeVerdicts } from './trial-handshake-verdicts.ts'
import { refusalCost } from './trial-refusal-cost.ts'
import { sprawl } from './trial-sprawl.ts'
import { stacks } from './trial-stacks.ts'
import type { Trial } from './trial.ts'

/** Every trial, by the name that claims have for it. */
export const trials: readonly Trial[] = [
  refusalCost,
  handshakeVerdicts,
  coldStart,
  certificates,
  sprawl,
  stacks,
  agent,
]
