import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../attack.ts'
import { invalidToken, refusedWith } from '../attempt.ts'
import type { Attempt, Probe } from '../attempt.ts'
import { json, raw, redirect, silence } from '../hostile-issuer.ts'
import type { Behaviour } from '../hostile-issuer.ts'
import type { Scene, Tokens } from '../scene.ts'
import { countersOf } from '../stage.ts'
import type { Stage } from '../stage.ts'

/** I6 to I8 and I13: introspection answers that must not be believed, or do not come. */
export function hostileIssuerAttempts(scene: Scene, tokens: Tokens, stage: Stage): Attempt[] {
  const prepare = async () => {
    await stage.misled()
  }
  const { activeAnswer } = stage
  const attempt = (reason: string, behaviours: Readonly<Record<string, Behaviour>>) =>
    probesOf(scene, tokens, stage, { reason, behaviours })
  return [
    {
      id: 'I6',
      order: 'last',
      prepare,
      probes: unreachable(attempt('issuer_unavailable', { slow: silence }), tokens),
    },
    {
      id: 'I7',
      prepare,
      probes: attempt('introspection_malformed', {
        string: json(activeAnswer({ active: 'true' })),
        number: json(activeAnswer({ active: 1 })),
        absent: json(activeAnswer({ active: undefined })),
      }),
    },
    {
      id: 'I8',
      prepare,
      probes: [...notJson(attempt, activeAnswer()), ...redirected(attempt, tokens, stage)],
    },
    { id: 'I13', prepare, probes: [concurrent(scene, tokens, stage)] },
  ]
}

type Try = (reason: string, behaviours: Readonly<Record<string, Behaviour>>) => Probe[]

/** For each behaviour a token that nobody has seen; the control is one with a sound answer. */
function probesOf(
  scene: Scene,
  { hostile }: Tokens,
  { misled, vouched, activeAnswer }: Stage,
  { reason, behaviours }: { reason: string; behaviours: Readonly<Record<string, Behaviour>> },
): Probe[] {
  return Object.entries(behaviours).map(([variant, behaviour]) => ({
    variant,
    expected: refusedWith(503, reason),
    counted: countersOf(misled),
    control: async () => scene.ask(await vouched(activeAnswer())),
    bad: async () => {
      const token = randomUUID()
      hostile.answer(token, behaviour)
      return scene.ask({ at: await misled(), token })
    },
  }))
}

/** The same question to an issuer that is slow, then to one that is gone; it does not come back. */
function unreachable(probes: readonly Probe[], { hostile }: Tokens): Probe[] {
  return probes.flatMap((slow) => [
    slow,
    {
      ...slow,
      variant: 'down',
      bad: async () => {
        await hostile.stop()
        return slow.bad()
      },
    },
  ])
}

function notJson(attempt: Try, active: Record<string, unknown>): Probe[] {
  const text = JSON.stringify(active)
  return attempt('introspection_not_json', {
    'cut off': raw('application/json', text.slice(0, -1)),
    'as HTML': raw('text/html', text),
  })
}

function redirected(attempt: Try, { hostile }: Tokens, { activeAnswer }: Stage): Probe[] {
  hostile.serve(elsewhere, activeAnswer())
  const behaviours = { redirect: redirect(`${hostile.url}${elsewhere}`) }
  return attempt('introspection_refused', behaviours).map((probe) => ({
    ...probe,
    also: () => (hostile.requests(elsewhere) > 0 ? 'the redirect was followed' : null),
  }))
}

/**
 * Two tokens under way at once: the good one's answer is held back until the bad one is asked about, or
 * until it is clear that it will not be.
 */
function concurrent(
  scene: Scene,
  { hostile }: Tokens,
  { misled, vouched, activeAnswer }: Stage,
): Probe {
  const counted = countersOf(misled)
  let companion: Answer | null = null
  return {
    expected: invalidToken('token_inactive'),
    counted: {
      async snapshot() {
        const counts = await counted.snapshot()
        // The handler may run for the companion.
        return { ...counts, handlerCalls: counts.handlerCalls - (isAccepted(companion) ? 1 : 0) }
      },
    },
    control: async () => scene.ask(await vouched(activeAnswer())),
    bad: async () => {
      const [good, bad] = [randomUUID(), randomUUID()]
      const asked = { good: Promise.withResolvers<null>(), bad: Promise.withResolvers<null>() }
      hostile.answer(good, async (response) => {
        asked.good.resolve(null)
        await Promise.race([asked.bad.promise, delay(holdMs, null, { ref: false })])
        json(activeAnswer())(response)
      })
      hostile.answer(bad, (response) => {
        asked.bad.resolve(null)
        json({ active: false })(response)
      })
      const at = await misled()
      const first = scene.ask({ at, token: good })
      await Promise.race([asked.good.promise, first])
      const answer = await scene.ask({ at, token: bad })
      companion = await first
      return answer
    },
    also: () => (isAccepted(companion) ? null : 'the good token beside it was refused'),
  }
}

function isAccepted(answer: Answer | null): boolean {
  return answer?.kind === 'response' && answer.status === 200
}

const elsewhere = '/elsewhere'
/** Long enough to ask about both tokens, shorter than the misled server's patience. */
const holdMs = 200
