import type { Scene } from '../preflight/scene.ts'
import { askOnNew } from './askers.ts'
import { tokensOf, waitFor, watch, type Experiment } from './experiment.ts'
import type { Behaviour } from './front.ts'
import { behindFront, issuerAt } from './fronted-issuer.ts'
import type { ProbeSubject } from './probe.ts'

/** Faults of the authorization server: gone, slow, rate-limited, and only its key set gone. */
export const issuerFaults: readonly Experiment[] = [
  {
    name: 'issuer-stops-jwt',
    scenario: 'jwt',
    parameters: {},
    what: 'the authorization server is stopped; tokens are JWTs',
    plan: watch(500, 4_000),
    create: issuerStops,
  },
  {
    name: 'issuer-stops-opaque',
    scenario: 'introspection',
    parameters: { introspectionCache: 'off' },
    what: 'the authorization server is stopped; each token is introspected',
    plan: watch(500, 1_500),
    create: issuerStops,
  },
  {
    name: 'issuer-stops-opaque-cached',
    scenario: 'introspection',
    parameters: { introspectionCache: '5s' },
    what: 'the authorization server is stopped; answers are remembered for 5 s',
    plan: watch(500, 6_000),
    create: issuerStops,
  },
  {
    name: 'issuer-stops-combined',
    scenario: 'combined',
    parameters: {},
    what: 'the authorization server is stopped; tokens are JWTs, bound to the certificate',
    plan: watch(500, 1_500),
    create: issuerStops,
  },
  {
    name: 'issuer-stops-combined-opaque',
    scenario: 'combined',
    parameters: { token: 'opaque', introspectionCache: 'off' },
    what: 'the authorization server is stopped; each token is introspected, and bound to the certificate',
    plan: watch(500, 1_500),
    create: issuerStops,
  },
  {
    name: 'issuer-slow-jwt',
    scenario: 'jwt',
    parameters: {},
    what: 'the authorization server answers 1 s later; tokens are JWTs',
    plan: watch(500, 1_500),
    create: (scene, owned) => issuerBehaves(scene, owned, { kind: 'slow', ms: slowMs }),
  },
  {
    name: 'issuer-slow-opaque',
    scenario: 'introspection',
    parameters: { introspectionCache: 'off' },
    what: 'the authorization server answers 1 s later; each token is introspected',
    plan: watch(500, 1_500),
    create: (scene, owned) => issuerBehaves(scene, owned, { kind: 'slow', ms: slowMs }),
  },
  {
    name: 'issuer-limited-opaque',
    scenario: 'introspection',
    parameters: { introspectionCache: 'off' },
    what: 'the authorization server answers 429 to 9 of 10; each token is introspected',
    plan: watch(500, 1_500),
    create: (scene, owned) =>
      issuerBehaves(scene, owned, { kind: 'limited', oneOf: 10, status: 429 }),
  },
  {
    name: 'key-set-down-cold',
    scenario: 'jwt',
    parameters: {},
    what: 'its requests go to a server that started while the key set was unreachable; 1 s later the key set is back',
    plan: watch(500, 1_500),
    create: coldStart,
  },
  {
    name: 'key-set-down-warm',
    scenario: 'jwt',
    parameters: {},
    what: 'the key set is unreachable, for longer than the 1 s that keys are trusted here (10 min by default)',
    plan: watch(500, 1_500),
    create: (scene, owned) => keySetDown(scene, owned, 0),
  },
  {
    name: 'key-set-down-stale',
    scenario: 'jwt',
    parameters: {},
    what: 'as key-set-down-warm, and old keys are taken as long as there are no new ones (stale-if-error)',
    plan: watch(500, 1_500),
    create: (scene, owned) => keySetDown(scene, owned, staleIfErrorMs),
  },
  {
    name: 'key-set-down-combined',
    scenario: 'combined',
    parameters: {},
    what: 'the key set is unreachable, for longer than the 1 s that keys are trusted here (10 min by default)',
    plan: watch(500, 1_500),
    create: (scene, owned) => keySetDown(scene, owned, 0),
  },
]

async function issuerStops(scene: Scene): Promise<ProbeSubject> {
  const { issuer } = tokensOf(scene)
  // Asked once before, so that nothing is fetched for the first time when it is gone.
  await scene.ask()
  return { ask: askOnNew(scene, () => ({})), event: () => issuer.stop() }
}

/** The real issuer, reached through a front that comes to behave so. */
async function issuerBehaves(
  scene: Scene,
  owned: AsyncDisposableStack,
  behaviour: Behaviour,
): Promise<ProbeSubject> {
  const { at, front } = await behindFront(scene, owned)
  await scene.ask({ at })
  return {
    ask: askOnNew(scene, () => ({ at })),
    event: () => {
      front.behave(behaviour)
      return Promise.resolve()
    },
  }
}

/** Two servers: one that has its keys, and one that is started without. */
async function coldStart(scene: Scene, owned: AsyncDisposableStack): Promise<ProbeSubject> {
  const { at: warm, front } = await behindFront(scene, owned)
  await scene.ask({ at: warm })
  front.behave({ kind: 'down' })
  const cold = await scene.extra('cold', issuerAt(scene, front.url))
  let at = warm
  return {
    ask: askOnNew(scene, () => ({ at })),
    event: async () => {
      at = cold
      await waitFor(coldMs)
      front.behave({ kind: 'pass' })
    },
  }
}

/** The event ends when the keys that were fetched have reached their age. */
async function keySetDown(
  scene: Scene,
  owned: AsyncDisposableStack,
  staleMs: number,
): Promise<ProbeSubject> {
  const changes = { keySetMaxAgeMs, staleIfErrorMs: staleMs }
  const { at, front } = await behindFront(scene, owned, changes)
  return {
    ask: askOnNew(scene, () => ({ at })),
    event: async () => {
      front.behave({ kind: 'down' })
      await waitFor(keySetMaxAgeMs)
    },
  }
}

const slowMs = 1_000
const coldMs = 1_000
const keySetMaxAgeMs = 1_000
const staleIfErrorMs = 60_000
