import { agentResource, type ClientTrust } from '../../servers/config.ts'
import type { Identity } from '../../servers/pki.ts'
import { BenchError } from '../errors.ts'
import { clientProfile } from '../lab-credentials.ts'
import { fetchTokensFor } from '../lab-tokens.ts'
import type { Scene } from '../preflight/scene.ts'
import { agentApis, agentSeries } from '../trial-series.ts'
import { counted, cpuUsEach, ownCpuUsEach, repeat, sceneOf, type Trial } from './trial.ts'

/**
 * What an agent costs that calls many APIs: with a token for each audience, or with a certificate for each.
 * The agent is this very process, so its CPU is that of a JavaScript client.
 */
export const agent: Trial = {
  name: 'agent',
  what: `an agent that calls ${agentApis} APIs: as many tokens beside as many certificates`,
  seconds: 30,
  run: async (setting) => {
    await using owned = new AsyncDisposableStack()
    const byToken = await sceneOf('jwt', setting, owned)
    const byCertificate = await sceneOf('mtls', setting, owned)
    const fetchAll = tokensOf(byToken)
    const certificates = await issueAll(byCertificate)
    await byCertificate.server.reload(withAgent(byCertificate))
    const connectAll = handshakesOf(byCertificate, certificates)
    const issuerPid = byToken.tokens?.issuer.pid ?? 0
    const once = { count: 1, atOnce: 1 }
    const series = await repeat(
      [
        part(agentSeries.tokensIssuer, () => cpuUsEach(issuerPid, once, fetchAll)),
        part(agentSeries.tokensAgent, () => ownCpuUsEach(1, fetchAll)),
        part(agentSeries.certificatesServer, () =>
          cpuUsEach(byCertificate.server.pid, once, connectAll),
        ),
        part(agentSeries.certificatesAgent, () => ownCpuUsEach(1, connectAll)),
        part(agentSeries.certificatesIssue, () => ownCpuUsEach(1, () => issueAll(byCertificate))),
      ],
      setting,
    )
    const bytes = (texts: readonly string[]) => Buffer.byteLength(texts.join(''))
    return [
      ...series,
      counted(agentSeries.tokensBytes, bytes(await fetchAll())),
      counted(
        agentSeries.certificatesBytes,
        bytes(certificates.flatMap((one) => [one.chainPem, one.privateKeyPem])),
      ),
    ]
  },
}

function part(name: string, measure: () => Promise<number>) {
  return { name, unit: 'µs', measure } as const
}

/** One token for each audience, over one connection to the issuer. */
function tokensOf({ lab, tokens }: Scene): () => Promise<string[]> {
  const resources = Array.from({ length: agentApis }, (_, index) => agentResource(index + 1))
  const issuerUrl = tokens?.issuerUrl ?? ''
  return () => fetchTokensFor(lab, issuerUrl, { client: 'acme-billing' }, resources)
}

/** Each API knows the agent by another name, as where each has a CA and a list of its own. */
async function issueAll({ lab }: Scene): Promise<Identity[]> {
  const identities: Identity[] = []
  for (let api = 1; api <= agentApis; api++) {
    const profile = clientProfile(nameAt(api))
    identities.push(await lab.issuing.issue({ ...profile, key: lab.settings.clientKey }))
  }
  return identities
}

/** The list of clients with all names of the agent. */
function withAgent({ lab }: Scene): ClientTrust {
  const names = Array.from({ length: agentApis }, (_, index) => nameAt(index + 1))
  const agents = Object.fromEntries(names.map((name) => [name, { orgId: 'acme' }]))
  return { ...lab.trust, allowed: { ...lab.trust.allowed, ...agents } }
}

function nameAt(api: number): string {
  return `spiffe://trustbench.test/acme/agent-of-api-${api}`
}

/** One full handshake with each certificate, and one request. */
function handshakesOf(scene: Scene, certificates: readonly Identity[]): () => Promise<void> {
  return async () => {
    for (const identity of certificates) {
      const answer = await scene.ask({ identity })
      if (answer.kind === 'response' && answer.status === 200) continue
      const seen = answer.kind === 'response' ? `answered ${answer.status}` : answer.kind
      throw new BenchError('measurement-failed', `a certificate of the agent was ${seen}`)
    }
  }
}
