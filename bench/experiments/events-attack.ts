import type { Presentation, Scene } from '../preflight/scene.ts'
import { askOnLive } from './askers.ts'
import { mutualOf, tokensOf, type Experiment } from './experiment.ts'
import type { ProbeSubject } from './probe.ts'

/** Good clients while others present bad credentials at ten times their rate. */
export const attackEvents: readonly Experiment[] = [
  {
    name: 'attack-by-certificates',
    scenario: 'mtls',
    parameters: {},
    what: 'others try rogue certificates, ten a request of its own, each on a new connection',
    isAlone: true,
    plan: { ratePerSecond: 25, beforeMs: 2_000, afterMs: 3_000 },
    create: (scene) =>
      Promise.resolve(underAttack(scene, { identity: mutualOf(scene).attackers.rogue })),
  },
  {
    name: 'attack-by-tokens',
    scenario: 'jwt',
    parameters: {},
    what: 'others try forged tokens, ten a request of its own, each on a new connection',
    isAlone: true,
    plan: { ratePerSecond: 25, beforeMs: 2_000, afterMs: 3_000 },
    create: (scene) => {
      const [header = '', payload = ''] = tokensOf(scene).good.split('.')
      const signature = Buffer.alloc(signatureBytes, 1).toString('base64url')
      return Promise.resolve(underAttack(scene, { token: [header, payload, signature].join('.') }))
    },
  },
]

/** The event is the begin of the attack; from then on each good request comes with ten bad ones. */
function underAttack(scene: Scene, bad: Presentation): ProbeSubject {
  const askGood = askOnLive(scene, () => ({}))
  let isAttacked = false
  return {
    ask: () => {
      if (isAttacked) for (let index = 0; index < badEach; index++) void scene.ask(bad)
      return askGood()
    },
    event: () => {
      isAttacked = true
      return Promise.resolve()
    },
  }
}

const badEach = 10
/** Of ES256 (RFC 7518 section 3.4). */
const signatureBytes = 64
