import { BenchError } from '../errors.ts'
import type { Answer } from '../preflight/attack.ts'
import type { Presentation, Scene } from '../preflight/scene.ts'
import { counted, countOf, cpuUsEach, repeat, sceneOf, type Trial } from './trial.ts'
import { refusalCostSeries } from '../trial-series.ts'

/** What it costs a server to refuse an attempt, beside what it costs to serve a good one. */
export const refusalCost: Trial = {
  name: 'refusal-cost',
  what: 'server CPU of an attempt that is refused: a rogue certificate, and a forged token',
  seconds: 25,
  run: async (setting) => {
    await using owned = new AsyncDisposableStack()
    const [mtls, jwt] = await Promise.all([
      sceneOf('mtls', setting, owned),
      sceneOf('jwt', setting, owned),
    ])
    if (mtls.mutual === null || jwt.tokens === null)
      throw new Error('no credentials to attack with')
    const rogue = { identity: mtls.mutual.attackers.rogue }
    const forged = { token: withOtherSignature(jwt.tokens.good) }
    const parts = [
      part(refusalCostSeries.certificate, mtls, rogue, { isLive: false, status: null }),
      part(refusalCostSeries.goodConnection, mtls, {}, { isLive: false, status: 200 }),
      part(refusalCostSeries.tokenNew, jwt, forged, { isLive: false, status: 401 }),
      part(refusalCostSeries.tokenLive, jwt, forged, { isLive: true, status: 401 }),
      part(refusalCostSeries.goodToken, jwt, {}, { isLive: true, status: 200 }),
    ]
    const handlerCalls = await callsDuring([mtls, jwt], async () => {
      await mtls.ask(rogue)
      await jwt.ask(forged)
    })
    return [
      ...(await repeat(parts, setting)),
      counted(refusalCostSeries.handlerCalls, handlerCalls),
    ]

    function part(
      name: string,
      scene: Scene,
      presentation: Presentation,
      expected: { readonly isLive: boolean; readonly status: number | null },
    ) {
      const count = countOf(expected.isLive ? liveRequests : newConnections, setting)
      const measure = async () => {
        using connections = openAll(expected.isLive ? scene : null, presentation)
        return await cpuUsEach(scene.server.pid, { count, atOnce }, async () => {
          assertOutcome(name, await connections.ask(scene, presentation), expected.status)
        })
      }
      return { name, unit: 'µs' as const, measure }
    }
  },
}

/** The dearest of forgeries: all of it is right but the signature's last bit (J3). */
function withOtherSignature(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return [header, payload, bytes.toString('base64url')].join('.')
}

/** Connections that are taken in turn, or a new one each time without a scene. */
function openAll(scene: Scene | null, presentation: Presentation) {
  const live = scene === null ? [] : Array.from({ length: atOnce }, () => scene.open(presentation))
  const free = [...live]
  return {
    async ask(target: Scene, what: Presentation): Promise<Answer> {
      const connection = free.pop()
      if (connection === undefined) return await target.ask(what)
      const answer = await connection.ask(target.requestOf(what))
      free.push(connection)
      return answer
    },
    [Symbol.dispose]() {
      for (const connection of live) connection[Symbol.dispose]()
    },
  }
}

function assertOutcome(name: string, answer: Answer, status: number | null): void {
  const seen = answer.kind === 'response' ? answer.status : null
  if (seen !== status || answer.kind === 'silent')
    throw new BenchError('measurement-failed', `${name}: answered ${seen ?? answer.kind}`)
}

async function callsDuring(scenes: readonly Scene[], act: () => Promise<void>): Promise<number> {
  const count = async () => {
    const snapshots = await Promise.all(scenes.map(({ server }) => server.snapshot()))
    return snapshots.reduce((sum, { handlerCalls }) => sum + handlerCalls, 0)
  }
  const before = await count()
  await act()
  return (await count()) - before
}

const atOnce = 4
const newConnections = 80
const liveRequests = 400
