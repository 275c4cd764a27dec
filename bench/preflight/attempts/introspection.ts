import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServerProcess } from '../../processes.ts'
import { invalidToken, refusedWith } from '../attempt.ts'
import type { Attempt, Expectation } from '../attempt.ts'
import type { Scene, Tokens } from '../scene.ts'
import { countersOf } from '../stage.ts'
import type { Stage } from '../stage.ts'
import { probe, scopeProbes } from './bearer.ts'

/** I1 to I5 and I9 to I12: tokens that the real issuer is asked about (RFC 7662). */
export function introspectionAttempts(scene: Scene, tokens: Tokens, stage: Stage): Attempt[] {
  const inactive = invalidToken('token_inactive')
  const unknown = randomBytes(opaqueTokenBytes).toString('base64url')
  return [
    { id: 'I1', probes: [probe(scene, { token: unknown }, inactive)] },
    expired('I2', scene, tokens, stage.own),
    revoked('I3', scene, tokens, { open: stage.uncached, expected: inactive }),
    revoked('I4', scene, tokens, { open: stage.cached, expected: { kind: 'recorded' } }),
    ownCredentials(scene, stage),
    {
      id: 'I9',
      probes: [
        {
          expected: invalidToken('wrong_audience'),
          counted: scene.server,
          control: () => scene.ask(),
          bad: async () =>
            scene.ask({ token: await tokens.fetch({ resource: tokens.resource.other }) }),
        },
      ],
    },
    { id: 'I10', probes: scopeProbes(scene, tokens) },
    expired('I11', scene, tokens, stage.cached),
    resembling(scene, tokens, stage),
  ]
}

type Open = () => Promise<ServerProcess>

/** A token that lives 2 s: good before, and while a cache may still know it, bad after. */
function expired(id: string, scene: Scene, tokens: Tokens, open: Open): Attempt {
  let token = ''
  let expiresAtMs = 0
  return {
    id,
    order: 'aged',
    prepare: startOf(open),
    probes: [
      {
        expected: invalidToken('token_inactive', 'token_expired'),
        counted: countersOf(open),
        control: async () => {
          token = await tokens.fetch({ resource: tokens.resource.short })
          expiresAtMs = Date.now() + shortTtlMs
          return scene.ask({ at: await open(), token })
        },
        bad: async () => {
          await delay(Math.max(0, expiresAtMs - Date.now()))
          return scene.ask({ at: await open(), token })
        },
      },
    ],
  }
}

function revoked(
  id: string,
  scene: Scene,
  tokens: Tokens,
  { open, expected }: { open: Open; expected: Expectation },
): Attempt {
  let token = ''
  return {
    id,
    prepare: startOf(open),
    probes: [
      {
        expected,
        counted: countersOf(open),
        control: async () => {
          token = await tokens.fetch({})
          return scene.ask({ at: await open(), token })
        },
        bad: async () => {
          const fault = await tokens.revoke(token)
          if (fault !== null) throw new Error(`the issuer did not revoke an opaque token: ${fault}`)
          return scene.ask({ at: await open(), token })
        },
      },
    ],
  }
}

/** A good token, at a server whose own credentials the issuer refuses. */
function ownCredentials(scene: Scene, { denied }: Stage): Attempt {
  return {
    id: 'I5',
    prepare: startOf(denied),
    probes: [
      {
        expected: refusedWith(503, 'introspection_unauthorized'),
        counted: countersOf(denied),
        control: () => scene.ask(),
        bad: async () => scene.ask({ at: await denied() }),
      },
    ],
  }
}

/** Tokens that a cache keyed by less than the whole token takes for the one it knows. */
function resembling(scene: Scene, { good }: Tokens, { cached }: Stage): Attempt {
  const last = good.at(-1) === 'A' ? 'B' : 'A'
  const tokens = {
    longer: `${good}A`,
    shorter: good.slice(0, -1),
    'other end': good.slice(0, -1) + last,
    'other case': good.replace(/[a-z]/, (letter) => letter.toUpperCase()),
  }
  return {
    id: 'I12',
    prepare: startOf(cached),
    probes: Object.entries(tokens).map(([variant, token]) => ({
      variant,
      expected: invalidToken('token_inactive'),
      counted: countersOf(cached),
      control: async () => scene.ask({ at: await cached() }),
      bad: async () => scene.ask({ at: await cached(), token }),
    })),
  }
}

function startOf(open: Open): () => Promise<void> {
  return async () => {
    await open()
  }
}

/** Opaque tokens of oidc-provider: 256 random bits. */
const opaqueTokenBytes = 32
/** Of the `short` resources of `servers/config.ts`. */
const shortTtlMs = 2_000
