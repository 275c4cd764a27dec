import type { Answer } from '../preflight/attack.ts'
import type { Presentation, Scene } from '../preflight/scene.ts'
import { askOnNew, isServed } from './askers.ts'
import { mutualOf, tokensOf, watch, type Experiment } from './experiment.ts'
import { createFront } from './front.ts'
import type { ProbeSubject } from './probe.ts'

// Before the event requests are the owner's; from it on they are the thief's, and the owner goes on beside
// them, unrecorded, but served each time or the event fails.

/** Thefts in the middle of good traffic. */
export const thefts: readonly Experiment[] = [
  {
    name: 'steal-token-bearer',
    scenario: 'jwt',
    parameters: {},
    what: 'a token is stolen; then counted: the thief, over connections of its own',
    plan: watch(500, 1_000),
    create: (scene) => stolen(scene, () => ({})),
  },
  {
    name: 'steal-token-bound',
    scenario: 'combined',
    parameters: {},
    what: 'a certificate-bound token is stolen; then counted: the thief, with a good certificate of its own',
    plan: watch(500, 1_000),
    create: (scene) => stolen(scene, () => ({ identity: mutualOf(scene).attackers.payouts })),
  },
  {
    name: 'steal-token-without-key',
    scenario: 'combined',
    parameters: {},
    what: 'a certificate-bound token is stolen; then counted: the thief, without a certificate',
    plan: watch(500, 1_000),
    create: (scene) => stolen(scene, () => ({ identity: null })),
  },
  {
    name: 'steal-token-dpop',
    scenario: 'dpop',
    parameters: {},
    what: 'a key-bound token is stolen with the proof it came with; then counted: the thief, who sends both again',
    plan: watch(500, 1_000),
    create: stolenProof,
  },
  {
    name: 'steal-key-mtls',
    scenario: 'mtls',
    parameters: {},
    what: "a client's key and certificate are stolen; then counted: the thief",
    plan: watch(500, 1_000),
    create: (scene) => stolen(scene, () => ({})),
  },
  {
    name: 'steal-key-combined',
    scenario: 'combined',
    parameters: {},
    what: "a client's key and certificate are stolen, but no token; then counted: the thief",
    plan: watch(500, 1_000),
    create: (scene) => stolen(scene, () => ({ token: null })),
  },
  {
    name: 'interceptor-bearer',
    scenario: 'jwt',
    parameters: {},
    what: 'the client is led to an interceptor that it trusts, which ends TLS; then counted: the interceptor, with the token it read',
    plan: watch(500, 1_000),
    create: intercepted,
  },
  {
    name: 'interceptor-bound',
    scenario: 'combined',
    parameters: {},
    what: 'the client is led to an interceptor that it trusts, which ends TLS; then counted: the interceptor, with the token it read and a good certificate of its own',
    plan: watch(500, 1_000),
    create: intercepted,
  },
]

/** A thief who presents what the owner does, but for what it could not get. */
function stolen(scene: Scene, thief: () => Presentation): Promise<ProbeSubject> {
  return Promise.resolve(handOver(scene, askOnNew(scene, thief)))
}

async function stolenProof(scene: Scene): Promise<ProbeSubject> {
  const { proofs } = scene
  if (proofs === null) throw new Error('clients of this scenario bring no proofs')
  const proof = proofs()
  assertServed(await scene.ask({ proof }))
  return handOver(
    scene,
    askOnNew(scene, () => ({ proof })),
  )
}

/** The interceptor has a certificate that the client trusts: issued by mistake, or by the company's proxy. */
async function intercepted(scene: Scene, owned: AsyncDisposableStack): Promise<ProbeSubject> {
  const identity = scene.mutual?.attackers.payouts
  const front = owned.use(
    await createFront(scene.lab, {
      to: scene.server.port,
      ...(identity === undefined ? {} : { identity }),
    }),
  )
  const replay = askOnNew(scene, () => ({
    ...(identity === undefined ? {} : { identity }),
    token: null,
    headers: [['authorization', front.harvested() ?? '']],
  }))
  const { ask, event } = handOver(scene, replay)
  return {
    ask,
    event: async () => {
      // What the client itself gets through it is the server's answer to the interceptor.
      await scene.ask({ at: { ...scene.server, port: front.port } })
      if (front.harvested() !== `Bearer ${tokensOf(scene).good}`)
        throw new Error('the interceptor read no token')
      await event()
    },
  }
}

/** The owner asks until the event, then both do, and the thief is counted. */
function handOver(scene: Scene, thief: () => Promise<Answer>): ProbeSubject {
  const owner = askOnNew(scene, () => ({}))
  let isStolen = false
  return {
    ask: async () => {
      if (!isStolen) return owner()
      const [answer, good] = await Promise.all([thief(), owner()])
      assertServed(good)
      return answer
    },
    event: () => {
      isStolen = true
      return Promise.resolve()
    },
  }
}

function assertServed(answer: Answer): void {
  if (!isServed(answer)) throw new Error('the owner was refused')
}
