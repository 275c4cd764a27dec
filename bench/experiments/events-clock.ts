import { confirmationOf, type Scene } from '../preflight/scene.ts'
import { secondsFromNow } from '../preflight/forge.ts'
import { askOnNew } from './askers.ts'
import { tokensOf, waitUntil, watch, type Experiment } from './experiment.ts'
import type { ProbeSubject } from './probe.ts'

// The clock of the machine stays as it is: tokens say what an issuer with another clock would have written.
// They live 3 s, and their client renews them every 2 s, at a whole second: so the share that is served does
// not depend on when an event happens to be measured.

/** Clocks of issuer and server apart from each other. */
export const clockFaults: readonly Experiment[] = [
  {
    name: 'clock-ahead',
    scenario: 'jwt',
    parameters: {},
    what: "the issuer's clock is 1 s ahead from now on; tokens live 3 s and are renewed every 2 s",
    plan: watch(500, 4_000),
    create: (scene) => shiftedClock(scene, 1),
  },
  {
    name: 'clock-ahead-tolerated',
    scenario: 'jwt',
    parameters: {},
    what: "the issuer's clock is 1 s ahead from now on; tokens live 3 s and are renewed every 2 s; the server tolerates 1 s",
    plan: watch(500, 2_000),
    create: (scene) => shiftedClock(scene, 1, 1),
  },
  {
    name: 'clock-ahead-combined',
    scenario: 'combined',
    parameters: {},
    what: "the issuer's clock is 1 s ahead from now on; tokens live 3 s and are renewed every 2 s",
    plan: watch(500, 4_000),
    create: (scene) => shiftedClock(scene, 1),
  },
  {
    name: 'clock-behind',
    scenario: 'jwt',
    parameters: {},
    what: "the issuer's clock is 2 s behind from now on; tokens live 3 s and are renewed every 2 s",
    plan: watch(500, 4_000),
    create: (scene) => shiftedClock(scene, -2),
  },
]

async function shiftedClock(
  scene: Scene,
  seconds: number,
  clockToleranceSeconds = 0,
): Promise<ProbeSubject> {
  const tokens = tokensOf(scene)
  const { issuer } = scene.config
  if (issuer === null) throw new Error('this server has no issuer')
  const at =
    clockToleranceSeconds === 0
      ? scene.server
      : await scene.extra('tolerant', {
          ...scene.config,
          issuer: { ...issuer, clockToleranceSeconds },
        })
  const { bound } = scene.credentials
  const cnf = bound ? { cnf: confirmationOf(scene.lab.good) } : {}
  const issue = (shift: number) => {
    const iat = secondsFromNow(shift)
    return tokens.forge.token({ claims: { iat, exp: iat + lifeSeconds, ...cnf } })
  }
  let shift = 0
  let current = { period: 0, token: '' }
  return {
    ask: askOnNew(scene, () => {
      const period = Math.floor(Date.now() / renewMs)
      if (period !== current.period) current = { period, token: issue(shift) }
      return { at, token: current.token }
    }),
    event: async () => {
      await waitUntil(Math.ceil(Date.now() / renewMs) * renewMs)
      shift = seconds
      current = { period: 0, token: '' }
    },
  }
}

const lifeSeconds = 3
const renewMs = 2_000
