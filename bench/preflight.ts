import { setTimeout } from 'node:timers/promises'
import { aliases, entryOf, refusalIds } from './preflight/catalogue.ts'
import type { Attempt } from './preflight/attempt.ts'
import { bearerAttempts } from './preflight/attempts/bearer.ts'
import { combinedAttempts } from './preflight/attempts/combined.ts'
import { dpopAttempts } from './preflight/attempts/dpop.ts'
import { hostileIssuerAttempts } from './preflight/attempts/hostile-issuer.ts'
import { introspectionAttempts } from './preflight/attempts/introspection.ts'
import { jwtAttempts } from './preflight/attempts/jwt.ts'
import { mutualTlsAttempts } from './preflight/attempts/mutual-tls.ts'
import { tlsAttempts } from './preflight/attempts/tls.ts'
import { judgeAll } from './preflight/judge.ts'
import { tryHops } from './preflight/hops.ts'
import { createPairs } from './preflight/pairs.ts'
import { createScene } from './preflight/scene.ts'
import type { Scene } from './preflight/scene.ts'
import { createStage } from './preflight/stage.ts'
import { BenchError } from './errors.ts'
import type { StartServer } from './processes.ts'
import type { Preflight, Refusal } from './results.ts'
import type { Case } from './scenario.ts'

/**
 * Before any number: the good credential of a case is accepted, and every bad one is refused as it must
 * be, without the handler running once. Uses processes and credentials of its own, which end with it.
 * An acceptance is data (`passed: false`); throws `preflight-failed` where the good credential itself is
 * refused, and `arm-failed` where a server does not start.
 */
export async function preflight(testCase: Case, start: StartServer): Promise<Preflight> {
  await using owned = new AsyncDisposableStack()
  const scene = await createScene(testCase, start, owned)
  await assertGoodIsAccepted(testCase, scene)
  const pairs = await createPairs(testCase, scene)
  const plan = [...planAttempts(testCase, scene, owned), ...(pairs?.attempts ?? []).map(alone)]
  const { product } = scene.server
  const judged = await judgeAll(
    plan.map(({ attempt }) => attempt),
    product === undefined ? {} : { isProduct: true, settleLimitMs: productSettleLimitMs },
  )
  // What came after its end says nothing of it.
  if (product !== undefined) scene.server.died.throwIfAborted()
  const refusals = judged.map(({ refusal }, index) => ({
    ...refusal,
    sameAs: [...(plan[index]?.sameAs ?? [])],
  }))
  const tried = refusals.filter(({ kind }) => kind === 'refuse')
  const hops = await tryHops(scene)
  return {
    controlsPassed: 1 + judged.reduce((sum, { controlsPassed }) => sum + controlsPassed, 0),
    tried: tried.length,
    refused: tried.filter(({ passed }) => passed).length,
    recorded: refusals.length - tried.length,
    handlerCalls: tried.reduce((sum, { handlerCalls }) => sum + handlerCalls, 0),
    ...(product === undefined ? {} : { product }),
    refusals,
    ...(hops.length === 0 ? {} : { hops }),
    ...(pairs === null ? {} : { pairs: pairs.counts() }),
  }
}

/**
 * The rows of a preflight that keep its case from being measured; those of a product are told instead, those
 * of the hops behind it are of servers of ours.
 */
export function failuresOf({ refusals, hops = [], product }: Preflight): Refusal[] {
  const behind = hops.flatMap((hop) => hop.refusals)
  return [...(product === undefined ? refusals : []), ...behind].filter(({ passed }) => !passed)
}

async function assertGoodIsAccepted({ id }: Case, { ask, server }: Scene): Promise<void> {
  const answer = await ask()
  if (answer.kind === 'response' && answer.status === 200) return
  const seen = answer.kind === 'response' ? `answered ${answer.status}` : answer.kind
  // Its log comes by another way than its answer, and may be the later one; a product's is read when asked for.
  await server.snapshot()
  for (let waits = 0; server.stderrTail().length === 0 && waits < mostWaits; waits++)
    await setTimeout(waitMs)
  throw new BenchError(
    'preflight-failed',
    `${id}: the good credential was ${seen}; ${server.stderrTail().at(-1) ?? 'the server logged nothing'}`,
  )
}

interface Planned {
  readonly attempt: Attempt
  readonly sameAs: readonly string[]
}

function alone(attempt: Attempt): Planned {
  return { attempt, sameAs: [] }
}

/** What the scenario asks for, each attempt once; throws when one of its refusals cannot be tried. */
function planAttempts(testCase: Case, scene: Scene, owned: AsyncDisposableStack): Planned[] {
  const { scenario, parameters } = testCase
  const attempts = new Map(attemptsOf(scene, owned).map((attempt) => [attempt.id, attempt]))
  const planned = new Map<string, { attempt: Attempt; sameAs: string[] }>()
  const wanted = [...scenario.refuses(parameters), ...scenario.records(parameters)]
  for (const id of refusalIds(wanted)) {
    const same = (aliases[id] ?? []).find((other) => planned.has(other))
    const attempt = attempts.get(id)
    if (same !== undefined) planned.get(same)?.sameAs.push(id)
    else if (attempt !== undefined) planned.set(id, { attempt, sameAs: [] })
    else if (entryOf(id).kind === 'refuse') {
      throw new Error(
        `scenario ${scenario.name} is to refuse ${id}, which its clients cannot present`,
      )
    }
  }
  return [...planned.values()]
}

function attemptsOf(scene: Scene, owned: AsyncDisposableStack): Attempt[] {
  const { config, credentials, mutual, tokens } = scene
  const attempts: Attempt[] = config.tls === null ? [] : tlsAttempts(scene, owned)
  if (mutual !== null) attempts.push(...mutualTlsAttempts(scene, mutual))
  if (tokens === null) return attempts
  const stage = createStage(scene, tokens)
  attempts.push(...bearerAttempts(scene, tokens))
  if (tokens.form === 'jwt') attempts.push(...jwtAttempts(scene, tokens))
  else {
    attempts.push(
      ...introspectionAttempts(scene, tokens, stage),
      ...hostileIssuerAttempts(scene, tokens, stage),
    )
  }
  if (credentials.proof === true) attempts.push(...dpopAttempts(scene, tokens))
  if (mutual !== null && credentials.bound) {
    attempts.push(...combinedAttempts(scene, { tokens, attackers: mutual.attackers, stage }))
  }
  return attempts
}

/** A process that has logged nothing after a second will not, not even on a busy machine. */
const mostWaits = 50
/** Its counts are asked for, and whole: this is for what it writes a moment later. */
const productSettleLimitMs = 50
const waitMs = 20
