import type { Agent } from 'undici'
import { forEachClient, type Crowd, type Watched } from './crowd.ts'
import type { ClientList } from './clients.ts'
import { readIdentity } from './credentials.ts'
import {
  createGrants,
  issuerClientOf,
  once,
  placeOf,
  requestOf,
  type IssuerClient,
} from './issuer-grant.ts'
import { createAgent, narrowTrust, trustOf, type Trust } from './issuer-trust.ts'
import type { TokenIssuer } from './issuer.ts'

/**
 * The issuer of many clients, each with a secret or key of its own: discovered once. A client that presents a
 * certificate has a connection for each token, since it needs one seldom. Throws usage errors that name the client.
 */
export async function createIssuerOfMany(
  list: ClientList,
  { identities }: Crowd,
  { timeoutMs, ...watched }: Watched & { readonly timeoutMs: number },
): Promise<TokenIssuer> {
  const settings = list.of(0)
  const [place, request, trust] = [placeOf(settings), requestOf(settings), trustOf(settings)]
  const common = identities === null ? readIdentity(settings) : null
  const identityOf = (index: number) => identities?.[index] ?? common
  const clients: IssuerClient[] = []
  await forEachClient(list, watched, 'client secrets read', async (index) => {
    clients.push(await issuerClientOf(list.of(index), identityOf(index)))
  })
  const shared = createAgent(trust, common)
  const live = new Set([shared])
  const grantsOf = (index: number, agent: Agent, server: Discovered['server'] | null) => {
    const client = clients[index]
    if (client === undefined) throw new RangeError(`there is no client ${index}`)
    return createGrants({ place, client, agent, request, timeoutMs, server })
  }

  async function withAgent<T>(
    index: number,
    by: Trust | null,
    use: (agent: Agent) => Promise<T>,
  ): Promise<T> {
    if (by === null) return use(shared)
    const agent = createAgent(by, identityOf(index))
    live.add(agent)
    try {
      return await use(agent)
    } finally {
      live.delete(agent)
      await agent.destroy()
    }
  }

  const discovered = once(async (): Promise<Discovered> => {
    const by = identities === null ? null : trust
    const server = await withAgent(0, by, (agent) => grantsOf(0, agent, null).discover())
    const alias = identityOf(0) === null ? undefined : server.mtls_endpoint_aliases?.token_endpoint
    const url = URL.parse(alias ?? server.token_endpoint ?? '') ?? place.url
    if (by === null || url.protocol === 'http:') return { server, by: null }
    return { server, by: await narrowTrust(trust, url, settings, timeoutMs) }
  })

  return {
    async fetch(index) {
      const found = await discovered()
      return withAgent(index, found.by, (agent) => grantsOf(index, agent, found.server).fetch())
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...live].map((agent) => agent.destroy()))
    },
  }
}

interface Discovered {
  readonly server: Awaited<ReturnType<ReturnType<typeof createGrants>['discover']>>
  /** Enough for its token endpoint; null: nobody presents a certificate there, one agent is for all. */
  readonly by: Trust | null
}
