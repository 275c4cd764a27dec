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

/**
 * Each request has a connection of its own that offers the newest session ticket it was given. Resolves when
 * one was resumed, so that all that follow are; throws where none is.
 */
export async function askResumed(scene: Scene, present: Presenting): Promise<ProbeSubject['ask']> {
  let session: Buffer | null = null
  const ask = async (): Promise<Answer> => {
    const presentation = present()
    using connection = scene.open({ ...presentation, ...(session === null ? {} : { session }) })
    const answer = await connection.ask(scene.requestOf(presentation))
    // A refusal has a session too; only one that was served is worth offering again.
    if (isServed(answer)) session = connection.newestSession() ?? session
    return answer
  }
  for (let asked = 0; asked < mostBeforeResumed; asked++) {
    const answer = await ask()
    if (answer.kind === 'response' && answer.resumed) return ask
  }
  throw new Error(`no connection of ${mostBeforeResumed} was resumed`)
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

/** Tickets of TLS 1.3 come behind the handshake: the first answer may be there before them. */
const mostBeforeResumed = 10
