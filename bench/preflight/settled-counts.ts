import type { ServerProcess } from '../processes.ts'
import type { Answer, AttackConnection } from './attack.ts'

/** Knows how many requests a server has answered with success, as its clients saw it. */
export interface AnswerCounts {
  readonly saw: (port: number, answer: Answer) => Answer
  readonly watch: (port: number, connection: AttackConnection) => AttackConnection
  /** A product tells of an answer some time after it has gone: its snapshots wait for those that were seen. */
  readonly settled: (server: ServerProcess) => ServerProcess
}

/** Counts of no answer yet. */
export function createAnswerCounts(): AnswerCounts {
  const seen = new Map<number, number>()
  const saw = (port: number, answer: Answer): Answer => {
    if (answer.kind === 'response' && answer.status < 300) seen.set(port, (seen.get(port) ?? 0) + 1)
    return answer
  }
  return {
    saw,
    watch: (port, connection) => ({
      ...connection,
      ask: async (request) => saw(port, await connection.ask(request)),
    }),
    settled(server) {
      if (server.product === undefined) return server
      return {
        ...server,
        async snapshot() {
          for (let attempt = 1; ; attempt++) {
            const snapshot = await server.snapshot()
            const isWhole = snapshot.handlerCalls >= (seen.get(server.port) ?? 0)
            if (isWhole || attempt === mostAttempts) return snapshot
          }
        },
      }
    },
  }
}

/** A second of them, of a product that waits 10 ms for its log. */
const mostAttempts = 100
