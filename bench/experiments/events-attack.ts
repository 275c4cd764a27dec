import type { Presentation, Scene } from '../preflight/scene.ts'
import type { Experiment } from './catalogue.ts'
import type { ProbeSubject } from './probe.ts'

/** Good clients while others present bad credentials at ten times their rate. */
export const attackEvents: readonly Experiment[] = [
  {
    name: 'attack-by-certificates',
    scenario: 'mtls',
    parameters: {},
    what: 'others try rogue certificates, ten a request of its own, each on a new connection',
    plan: { ratePerSecond: 25, beforeMs: 2_000, afterMs: 3_000 },
    create: (scene) => {
      const { mutual } = scene
      if (mutual === null) throw new Error('clients of this scenario have no certificates')
      return Promise.resolve(underAttack(scene, { identity: mutual.attackers.rogue }))
    },
  },
  {
    name: 'attack-by-tokens',
    scenario: 'jwt',
    parameters: {},
    what: 'others try forged tokens, ten a request of its own, each on a new connection',
    plan: { ratePerSecond: 25, beforeMs: 2_000, afterMs: 3_000 },
    create: (scene) => {
      const { tokens } = scene
      if (tokens === null) throw new Error('clients of this scenario bring no tokens')
      const [header = '', payload = ''] = tokens.good.split('.')
      const signature = Buffer.alloc(signatureBytes, 1).toString('base64url')
      return Promise.resolve(underAttack(scene, { token: [header, payload, signature].join('.') }))
    },
  },
]

/** The event is the begin of the attack; from then on each good request comes with ten bad ones. */
function underAttack(scene: Scene, bad: Presentation): ProbeSubject {
  const live = scene.open()
  let isAttacked = false
  // One after the other: it is HTTP/1.1 without pipelining.
  let last: Promise<unknown> = Promise.resolve()
  return {
    ask: () => {
      if (isAttacked) for (let index = 0; index < badEach; index++) void scene.ask(bad)
      const answer = last.then(() => live.ask(scene.requestOf()))
      last = answer.catch(() => undefined)
      return answer
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
