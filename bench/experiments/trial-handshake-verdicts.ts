import { connect } from 'node:tls'
import type { Identity } from '../../servers/pki.ts'
import type { Scene } from '../preflight/scene.ts'
import type { TrialSeries } from '../trials.ts'
import { counted, countOf, sceneOf, type Trial, type TrialSetting } from './trial.ts'
import { handshakeSeries } from '../trial-series.ts'

/** When a client learns that its certificate is refused, and what a resumed session still proves. */
export const handshakeVerdicts: Trial = {
  name: 'handshake-verdicts',
  what: 'clients with bad certificates: whether their handshake was done before they were refused, and told why',
  seconds: 8,
  run: async (setting) => {
    const told: TrialSeries[] = []
    for (const version of ['1.3', '1.2'] as const) {
      await using owned = new AsyncDisposableStack()
      const scene = await sceneOf('mtls', setting, owned, { tls: version })
      told.push(...(await tryAll(scene, version, setting)))
      if (version === '1.3') told.push(...(await resumeWithoutKey(scene, setting)))
    }
    return told
  },
}

async function tryAll(
  scene: Scene,
  version: '1.2' | '1.3',
  setting: TrialSetting,
): Promise<TrialSeries[]> {
  const { mutual, server } = scene
  if (mutual === null) throw new Error('clients of this scenario have no certificates')
  const { attackers, trusts } = mutual
  await server.reload(trusts.revoked)
  const { rogue, selfSigned, expired, notYetValid, serverOnly, revocable, leafOnly } = attackers
  const bad = [null, rogue, selfSigned, expired, notYetValid, serverOnly, revocable, leafOnly]
  const seen: Seen[] = []
  for (let round = 0; round < countOf(rounds, setting); round++) {
    for (const identity of bad) seen.push(await shakeHands(scene, identity))
  }
  return [
    counted(handshakeSeries.tried(version), seen.length),
    counted(handshakeSeries.finished(version), seen.filter(({ isFinished }) => isFinished).length),
    counted(handshakeSeries.alerted(version), seen.filter(({ isAlerted }) => isAlerted).length),
    counted(handshakeSeries.served(version), seen.filter(({ isServed }) => isServed).length),
  ]
}

interface Seen {
  readonly isFinished: boolean
  readonly isAlerted: boolean
  readonly isServed: boolean
}

/** Asks as soon as the client believes that it may, and waits for what comes of it. */
function shakeHands(scene: Scene, identity: Identity | null): Promise<Seen> {
  const { path, headers } = scene.requestOf()
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return new Promise((resolve) => {
    let [isFinished, isAlerted, isServed] = [false, false, false]
    const socket = connect({
      host: '127.0.0.1',
      port: scene.server.port,
      servername: 'localhost',
      ca: scene.lab.rootPem,
      ...(identity === null ? {} : { cert: identity.chainPem, key: identity.privateKeyPem }),
    })
    socket.setTimeout(timeoutMs, () => socket.destroy())
    socket.on('secureConnect', () => {
      isFinished = true
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${lines}connection: close\r\n\r\n`)
    })
    socket.on('data', (data) => {
      isServed ||= data.toString('latin1').startsWith('HTTP/1.1 2')
    })
    socket.on('error', (error) => {
      isAlerted ||= 'code' in error && String(error.code).includes('ALERT')
    })
    socket.on('close', () => {
      resolve({ isFinished, isAlerted, isServed })
    })
  })
}

/** A session holds what was proved when it began: who has it needs neither certificate nor key. */
async function resumeWithoutKey(scene: Scene, setting: TrialSetting): Promise<TrialSeries[]> {
  const count = countOf(rounds, setting)
  let served = 0
  for (let index = 0; index < count; index++) {
    using victim = scene.open()
    await victim.ask(scene.requestOf())
    const answer = await scene.ask({ identity: null, session: victim.session() })
    if (answer.kind === 'response' && answer.status === 200) served += 1
  }
  return [
    counted(handshakeSeries.resumedTried, count),
    counted(handshakeSeries.resumedServed, served),
  ]
}

const rounds = 5
const timeoutMs = 5_000
