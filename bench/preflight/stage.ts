import { randomUUID } from 'node:crypto'
import type { IssuerConfig } from '../../servers/config.ts'
import { writeSecretFile } from '../../servers/pki.ts'
import type { ServerProcess } from '../processes.ts'
import type { Counted } from './attempt.ts'
import { secondsFromNow } from './forge.ts'
import { json } from './hostile-issuer.ts'
import { confirmationOf, goodClaims, once } from './scene.ts'
import type { Presentation, Scene, Tokens } from './scene.ts'

/** Servers that introspect beside the case's own, each with one setting changed; they start when first asked for. */
export interface Stage {
  readonly own: () => Promise<ServerProcess>
  /** Remembers answers for 5 s. */
  readonly cached: () => Promise<ServerProcess>
  readonly uncached: () => Promise<ServerProcess>
  /** Believes the hostile issuer, remembers its answers, and gives up soon. */
  readonly misled: () => Promise<ServerProcess>
  /** Has wrong credentials at the issuer. */
  readonly denied: () => Promise<ServerProcess>
  /** What a sound issuer says of a good token, with changes. */
  readonly activeAnswer: (changes?: Readonly<Record<string, unknown>>) => Record<string, unknown>
  /** Presents a token of which the hostile issuer says this, at the server that it misleads. */
  readonly vouched: (answer: Readonly<Record<string, unknown>>) => Promise<Presentation>
}

/** Describes the further servers of a scene. */
export function createStage(scene: Scene, { hostile, client }: Tokens): Stage {
  const { lab, config, credentials } = scene
  const issuer = config.issuer ?? lab.issuerConfig(hostile.url)
  const open = (name: string, changes: () => Promise<Partial<IssuerConfig>>) =>
    once(async () => scene.extra(name, { ...config, issuer: { ...issuer, ...(await changes()) } }))
  const own = () => Promise.resolve(scene.server)
  const isCached = issuer.introspectionCacheMs > 0
  const misled = open('misled', () =>
    Promise.resolve({
      ...lab.issuerConfig(hostile.url),
      introspectionCacheMs: cacheMs,
      introspectionTimeoutMs: shortTimeoutMs,
    }),
  )
  return {
    own,
    cached: isCached
      ? own
      : open('cached', () => Promise.resolve({ introspectionCacheMs: cacheMs })),
    uncached: isCached ? open('uncached', () => Promise.resolve({ introspectionCacheMs: 0 })) : own,
    misled,
    denied: open('denied', async () => ({
      clientSecretFile: await writeSecretFile(lab.folder, 'wrong-secret', randomUUID()),
    })),
    activeAnswer: (changes = {}) => ({
      active: true,
      ...goodClaims(lab, client, hostile.url),
      exp: secondsFromNow(answerTtlSeconds),
      ...(credentials.bound ? { cnf: confirmationOf(lab.good) } : {}),
      ...changes,
    }),
    async vouched(answer) {
      const token = randomUUID()
      hostile.answer(token, json(answer))
      return { at: await misled(), token }
    },
  }
}

/** Counters of a server that may not have started yet. */
export function countersOf(open: () => Promise<ServerProcess>): Counted {
  return { snapshot: async () => (await open()).snapshot() }
}

const cacheMs = 5_000
/** Long for an answer from this very process, short for who waits for it in vain. */
const shortTimeoutMs = 1_000
const answerTtlSeconds = 60
