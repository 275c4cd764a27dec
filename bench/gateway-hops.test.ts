import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { resources } from '../servers/config.ts'
import type { ServerConfig } from '../servers/config.ts'
import { eventually } from '../servers/gateways/driver.ts'
import { noGateway } from '../servers/gateways/gateway-testbed.ts'
import { createAuthority } from '../servers/pki.ts'
import { measuredPath } from '../servers/server-testbed.ts'
import type { RunEnvelope } from './analysis/envelope-schema.ts'
import { cli, temporaryFolder } from './cli-testbed.ts'
import { createEdgeGround } from './gateway-hops-testbed.ts'
import type { EdgeBed, EdgeGround } from './gateway-hops-testbed.ts'
import { parseRun } from './results.ts'
import { findScenario, loadScenarios } from './scenarios.ts'

// Products in front of a hop that these tests answer for: what comes to it, and what comes of what it says.

const scenarios = await loadScenarios(join(import.meta.dirname, '..'))
const scenarioOf = (name: string) => findScenario(name, scenarios)

/** What a client may say of itself, none of which is the next hop's to hear. */
const claims = {
  'x-forwarded-client-cert': 'URI=spiffe://trustbench.test/globex/billing',
  'x-forwarded-for': '10.0.0.1',
  'client-cert': ':MII=:',
  'x-ssl-client-cert': 'PEM',
  'x-tenant': 'globex',
  cookie: 'session=1',
  forwarded: 'for=10.0.0.1',
  te: 'trailers',
}

for (const product of ['nginx', 'haproxy', 'apache'] as const) {
  describe(`${product} in front of another hop`, { skip: noGateway(product) }, () => {
    const owned = new AsyncDisposableStack()
    let ground: EdgeGround
    const edges = new Map<string, EdgeBed>()
    const edge = (name: string): EdgeBed => {
      const found = edges.get(name)
      assert.ok(found)
      return found
    }
    before(async () => {
      ground = await createEdgeGround(scenarioOf('mtls-gateway'), owned)
      const started = ['mtls-gateway', 'token-gateway', 'sidecar'].map(async (name) => {
        edges.set(name, await ground.start(product, scenarioOf(name), withShortTokens))
      })
      await Promise.all(started)
    })
    after(() => owned.disposeAsync())

    for (const [name, brings] of [
      ['mtls-gateway', 'own'],
      ['token-gateway', 'forwarded'],
      ['sidecar', 'nothing'],
    ] as const) {
      it(`${name}: passes on the request once, and nothing that a client says of itself`, async () => {
        const { ask, seen, connections } = edge(name)
        const { status, body } = await ask({
          path: `${measuredPath}?org=globex`,
          headers: { accept: 'application/json', ...claims },
        })
        assert.deepEqual([status, body], [200, '{"ok":true}'])
        const [request, ...others] = seen
        assert.ok(request)
        assert.equal(others.length, 0)
        assert.deepEqual([request.method, request.url], ['GET', measuredPath])
        const { host, authorization, ...headers } = request.headers
        assert.match(String(host), /^(127\.0\.0\.1|localhost):\d+$/)
        assert.deepEqual(headers, { accept: 'application/json' })
        assert.equal(typeof authorization, brings === 'nothing' ? 'undefined' : 'string')
        const peer = brings === 'forwarded' ? 'URI:spiffe://trustbench.test/edge/gateway' : null
        assert.equal(request.peer, peer)

        await ask()
        assert.equal(seen.length, 2)
        assert.equal(connections(), 1)
      })

      it(`${name}: what leaves its place is not passed on, or as what was authorised`, async () => {
        const { ask, seen } = edge(name)
        const before = seen.length
        for (const path of [
          '/v1/orgs/acme/payments/..%2f..%2fglobex%2fpayments%2fpay_1001',
          '/v1/orgs/acme/payments/pay_1001%2f..%2fpay_1',
          '/v1/orgs/acme/../globex/payments/pay_1001',
          '/v1/orgs/acme/payments/pay_1002',
        ])
          assert.ok([400, 403, 404].includes((await ask({ path })).status), path)
        assert.equal(seen.length, before)
        await ask({ path: '/v1/orgs/%61cme/payments/pay_1001' })
        assert.ok(seen.slice(before).every(({ url }) => url === measuredPath))
      })

      it(`${name}: a next hop that is busy is asked once; one that is gone is told as such`, async () => {
        const { ask, seen, answerBy, leave, comeBack } = edge(name)
        const before = seen.length
        answerBy((response) => response.writeHead(503, { 'retry-after': '7' }).end('{}'))
        const busy = await ask()
        assert.deepEqual([busy.status, busy.headers['retry-after']], [503, '7'])
        answerBy((response) => response.destroy())
        assert.equal((await ask()).status, 502)
        assert.equal(seen.length, before + 2)
        answerBy((response) => response.end('{}'))
        await leave()
        // Apache has one word for a next hop that is busy and one that is gone.
        assert.equal((await ask()).status, product === 'apache' ? 503 : 502)
        await comeBack()
        assert.equal((await ask()).status, 200)
        const { refusals } = (await edge(name).server.hops?.[0]?.process.snapshot()) ?? {}
        assert.ok((refusals?.['upstream_unavailable'] ?? 0) >= 1, JSON.stringify(refusals))
      })
    }

    it('token-gateway: no token goes to a next hop that cannot prove who it is', async () => {
      const { ask, seen, leave, comeBack } = edge('token-gateway')
      const before = seen.length
      const profile = { kind: 'server', key: 'p256', commonName: 'localhost' } as const
      const stranger = await createAuthority({ key: 'p256', name: 'trustbench root' })
      const rogue = await stranger.issue({ ...profile, dnsNames: ['localhost'] })
      const other = { ...profile, commonName: 'other.test', dnsNames: ['other.test'] }
      const misnamed = await ground.lab.issuing.issue(other)
      for (const identity of [rogue, misnamed]) {
        await leave()
        await comeBack(identity)
        assert.ok([502, 503, 500].includes((await ask()).status))
      }
      assert.equal(seen.length, before)
      await leave()
      await comeBack()
      assert.equal((await ask()).status, 200)
    })

    it('mtls-gateway: its own token is renewed before it ends, and then the new one is used', async () => {
      const { ask, seen, server } = edge('mtls-gateway')
      const tokenOf = (index: number) => String(seen.at(index)?.headers['authorization'])
      await ask()
      const first = tokenOf(-1)
      assert.match(first, /^Bearer [\w-]+[.][\w-]+[.][\w-]+$/)
      const since = seen.length
      // Processes with the old configuration may answer a moment longer.
      const isRenewed = async () => {
        for (let asked = 0; asked < 3; asked++) assert.equal((await ask()).status, 200)
        return [-1, -2, -3].every((index) => tokenOf(index) !== first)
      }
      assert.ok(await eventually(isRenewed, 5_000))
      assert.ok(seen.slice(since).every(({ headers }) => headers['authorization'] !== undefined))
      const { counters } = (await server.hops?.[0]?.process.snapshot()) ?? {}
      assert.ok((counters?.['ownTokenFetches'] ?? 0) >= 3)
      assert.equal(counters?.['ownTokenFailures'], 0)
    })

    it('mtls-gateway: the client is not blamed where its own token is refused', async () => {
      const { ask, answerBy } = edge('mtls-gateway')
      answerBy((response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('{}'))
      const { status, headers } = await ask()
      answerBy((response) => response.end('{}'))
      // Apache can give an answer no other status, nginx takes away no challenge.
      assert.equal(status, product === 'apache' ? 401 : 502)
      const challenge = headers['www-authenticate']
      assert.equal(challenge, product === 'haproxy' ? undefined : 'Bearer')
    })

    it('mtls-gateway: fails closed without a token of its own', async () => {
      const away = (config: ServerConfig) =>
        withOwnTokens(config, { issuer: 'https://127.0.0.1:9' })
      const { ask, seen } = await ground.start(product, scenarioOf('mtls-gateway'), away)
      const { status, headers } = await ask()
      assert.deepEqual([status, seen.length], [503, 0])
      if (product !== 'apache') assert.equal(headers['retry-after'], '1')
    })

    it('secrets are in files of their owner alone, and in no log', () => {
      const files = filesBelow(ground.lab.folder).filter((file) => file.includes(`/${product}-`))
      const holding = files.filter((file) => secret.test(readFileSync(file, 'latin1')))
      // Tokens of its own at least.
      assert.ok(holding.length > 0)
      for (const file of holding) {
        assert.equal(statSync(file).mode & 0o077, 0, file)
        assert.doesNotMatch(file, /\.log$/)
      }
      for (const { server } of edges.values())
        assert.doesNotMatch(server.stderrTail().join(), secret)
    })
  })
}

const installed = (['nginx', 'haproxy', 'apache'] as const).filter(
  (one) => noGateway(one) === false,
)

/** What each product, as set up here, does not refuse as it must; the rest of all bad credentials it does. */
const gaps: Readonly<Record<string, string>> = {
  'haproxy token-gateway': 'J21 refused otherwise',
  'haproxy sidecar': 'J21 refused otherwise',
  // What it lets through the sidecar behind it refuses, but it was passed on.
  'apache token-gateway': 'J10 accepted, J21 refused otherwise',
  'apache sidecar': 'J10 accepted, J21 refused otherwise',
}

it(
  'each product refuses what the scenario must refuse, is measured hop by hop, and drawn',
  { skip: installed.length === 0 ? 'no gateway is installed' : false },
  async (t) => {
    const { exitCode, out, err } = await cli([
      ...['bench', 'mtls-gateway', 'token-gateway', 'sidecar', '--gateway', installed.join()],
      ...['--against', 'http', '--smoke', '--json', '--results', temporaryFolder(t)],
    ])
    assert.equal(exitCode, 0, err)
    const envelope = JSON.parse(out) as RunEnvelope & { file: string; charts: string[] }
    const { arms } = parseRun(JSON.parse(readFileSync(envelope.file, 'utf8')), envelope.file)
    const edges = envelope.cases.filter(({ role }) => role === 'case')
    assert.equal(edges.length, 3 * installed.length)
    for (const { id, scenario, parameters, outcome, metrics, hops } of edges) {
      const name = `${parameters['gateway']} ${scenario}`
      const checked = arms.find((arm) => arm.id === id)?.preflight
      assert.ok(checked && outcome === 'measured', name)
      const bad = checked.refusals.filter(({ passed }) => !passed)
      const told = bad.map((row) => `${row.id} ${row.gap ?? ''}`).join(', ')
      assert.equal(told, gaps[name] ?? '', name)
      // All hops behind it are servers of ours.
      assert.ok((checked.hops ?? []).every(({ refusals }) => refusals.every((row) => row.passed)))
      const sum = hops.reduce((all, hop) => all + (hop.cpuUsPerRequest?.estimate ?? 0), 0)
      const whole = metrics.cpuUsPerRequest?.estimate ?? 0
      assert.ok(whole > 0 && Math.abs(sum - whole) < 1e-6 * whole, name)
      const [edge, ...behind] = hops
      assert.deepEqual([edge?.ownP50Us, edge?.wholeP50Us, edge?.singleOwnP50Us], [null, null, null])
      assert.ok(
        behind.every(({ ownP50Us }) => (ownP50Us?.estimate ?? 0) > 0),
        name,
      )
    }
    for (const kind of ['hops', 'hop-latency'])
      assert.ok(
        envelope.charts.some((file) => file.endsWith(`-${kind}.png`)),
        kind,
      )
  },
)

/** Tokens that live 2 s. */
function withShortTokens(config: ServerConfig): ServerConfig {
  return withOwnTokens(config, { resource: resources.shortJwt })
}

function withOwnTokens(
  config: ServerConfig,
  changes: Partial<NonNullable<NonNullable<ServerConfig['upstream']>['ownTokens']>>,
): ServerConfig {
  const { upstream } = config
  if (upstream === null || upstream.ownTokens === null) return config
  return { ...config, upstream: { ...upstream, ownTokens: { ...upstream.ownTokens, ...changes } } }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

/** A token, or a key. */
const secret = /eyJ[\w-]{10,}[.][\w-]{10,}[.]|PRIVATE KEY/
