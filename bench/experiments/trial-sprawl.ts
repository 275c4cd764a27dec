import type { ClientTrust } from '../../servers/config.ts'
import { createAuthority, writeSecretFile } from '../../servers/pki.ts'
import { BenchError } from '../errors.ts'
import type { Scene } from '../preflight/scene.ts'
import { countOf, cpuUsEach, repeat, sceneOf, type Part, type Trial } from './trial.ts'
import { sprawlSeries, sizes } from '../trial-series.ts'

/** Whether a handshake grows with the number of CAs that a server trusts, or of clients that it allows. */
export const sprawl: Trial = {
  name: 'sprawl',
  what: 'server CPU of a new mTLS connection by the size of the trust store and of the list of clients',
  seconds: 25,
  run: async (setting) => {
    await using owned = new AsyncDisposableStack()
    const scene = await sceneOf('mtls', setting, owned)
    const count = countOf(connections, setting)
    const part = (name: string, trust: ClientTrust): Part => ({
      name,
      unit: 'µs',
      measure: async () => {
        await scene.server.reload(trust)
        // The first pays for reading the files.
        await ask(scene)
        return await cpuUsEach(scene.server.pid, { count, atOnce }, () => ask(scene))
      },
    })
    const parts: Part[] = []
    for (const authorities of sizes.authorities)
      parts.push(
        part(sprawlSeries.authorities(authorities), await withAuthorities(scene, authorities)),
      )
    for (const clients of sizes.clients)
      parts.push(part(sprawlSeries.clients(clients), withClients(scene, clients)))
    return await repeat(parts, setting)
  },
}

async function withAuthorities({ lab }: Scene, count: number): Promise<ClientTrust> {
  const strangers: string[] = []
  while (strangers.length < count - 1) {
    const name = `trustbench stranger ${strangers.length}`
    strangers.push((await createAuthority({ key: 'p256', name })).certificatePem)
  }
  const pem = [...strangers, lab.rootPem].join('')
  return { ...lab.trust, caFile: await writeSecretFile(lab.folder, `ca-${count}.pem`, pem) }
}

function withClients({ lab }: Scene, count: number): ClientTrust {
  const allowed: Record<string, { orgId: string }> = {}
  for (let index = 0; index < count; index++)
    allowed[`spiffe://trustbench.test/acme/stranger-${index}`] = { orgId: 'acme' }
  return { ...lab.trust, allowed: { ...allowed, ...lab.trust.allowed } }
}

async function ask(scene: Scene): Promise<void> {
  const answer = await scene.ask()
  if (answer.kind === 'response' && answer.status === 200) return
  throw new BenchError('measurement-failed', `the good certificate was refused: ${answer.kind}`)
}

const connections = 80
const atOnce = 4
