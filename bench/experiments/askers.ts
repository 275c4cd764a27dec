import type { AttackConnection, Answer } from '../preflight/attack.ts'
import type { Presentation, Scene } from '../preflight/scene.ts'
import type { ProbeSubject } from './probe.ts'

/** What the next request presents: an event may change it. */
export type Presenting = () => Presentation

/** Each request has a connection of its own, with a full handshake. */
export function askOnNew(scene: Scene, present: Presenting): ProbeSubject['ask'] {
  return () => scene.ask(present())
}

/** All requests are on one connection; when it has ended, so has this client. */
export function askOnLive(scene: Scene, present: Presenting): ProbeSubject['ask'] {
  const live = scene.open(present())
  return inTurn(() => live.ask(scene.requestOf(present())))
}

/** As a client with keep-alive: a new connection when the last one was closed, and then only. */
export function askReconnecting(scene: Scene, present: Presenting): ProbeSubject['ask'] {
  let live: AttackConnection | null = null
  return inTurn(() => {
    if (live === null || live.isClosed()) live = scene.open(present())
    return live.ask(scene.requestOf(present()))
  })
}

/** Each request has a connection of its own that offers the newest session ticket it was given. */
export function askResumed(
  scene: Scene,
  present: Presenting,
): { readonly ask: ProbeSubject['ask']; readonly assertResumed: () => void } {
  let session: Buffer | null = null
  let resumed = 0
  return {
    async ask() {
      const presentation = present()
      using connection = scene.open({ ...presentation, ...(session === null ? {} : { session }) })
      const answer = await connection.ask(scene.requestOf(presentation))
      // A refusal has a session too; only one that was served is worth offering again.
      if (isServed(answer)) session = connection.newestSession() ?? session
      if (answer.kind === 'response' && answer.resumed) resumed += 1
      return answer
    },
    assertResumed() {
      if (resumed === 0) throw new Error('no connection was resumed before the event')
    },
  }
}

/** Whether a request was served. */
export function isServed(answer: Answer): boolean {
  return answer.kind === 'response' && answer.status < 300
}

/** One after the other: it is HTTP/1.1 without pipelining. */
function inTurn(ask: () => Promise<Answer>): () => Promise<Answer> {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const answer = last.then(ask)
    last = answer.catch(() => undefined)
    return answer
  }
}
