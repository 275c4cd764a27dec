import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { parseServerConfig } from '../servers/config-schema.ts'
import type { AuthorizationConfig, ServerConfig } from '../servers/config.ts'
import type { Snapshot } from '../servers/telemetry.ts'
import { needsIssuer, passedAt, startCase } from './hops.ts'
import { createLab } from './lab.ts'
import type { ServerProcess } from './processes.ts'
import { expand } from './cases.ts'
import type { Case } from './scenario.ts'
import { findScenario, loadScenarios } from './scenarios.ts'

const scenarios = await loadScenarios(join(import.meta.dirname, '..'))

function caseOf(name: string, settings: Record<string, string[]> = {}): Case {
  const [trial] = expand(findScenario(name, scenarios), settings)
  assert.ok(trial)
  return trial
}

/** A process that was never started, its counters told by its port. */
function fake(program: string, port: number, product?: string): ServerProcess {
  const snapshot: Snapshot = {
    ...{ handlerCalls: port, requests: port, responses: { '200': port } },
    ...{ handshakesFull: port, handshakesResumed: 0, handshakesFailed: 0, connectionsOpen: port },
    ...{ refusals: { [program]: 1 }, cpuUs: port, eventLoopActiveUs: 1, eventLoopIdleUs: 2 },
    ...{ gcUs: 3, rssBytes: 10, heapUsedBytes: 5, counters: { own: port } },
  }
  const died = new AbortController().signal
  const nothing = () => Promise.resolve()
  return {
    ...{ program, pid: port, port, died, ...(product === undefined ? {} : { product }) },
    snapshot: () => Promise.resolve(snapshot),
    spans: () => Promise.reject(new Error('none')),
    reload: nothing,
    change: nothing,
    stderrTail: () => [program],
    stop: nothing,
    [Symbol.asyncDispose]: nothing,
  }
}

async function start(trial: Case) {
  await using lab = await createLab({ parameters: trial.parameters })
  const launched: { program: string; config: ServerConfig }[] = []
  const launch = (program: string, config: ServerConfig | AuthorizationConfig) => {
    launched.push({ program, config: parseServerConfig(config) })
    const product = program === 'gateway' ? 'nginx 1.22.1' : undefined
    return Promise.resolve(fake(program, 100 + launched.length, product))
  }
  const issuerUrl = needsIssuer(trial) ? 'https://127.0.0.1:99' : null
  const server = await startCase({ trial, lab, issuerUrl, launch, port: 7 })
  return { server, launched, trust: lab.trust }
}

test('hops start back to front, each told where the next one is', async () => {
  const { launched, server } = await start(caseOf('token-gateway'))
  assert.deepEqual(
    launched.map(({ program, config }) => [program, config.port, config.upstream?.url ?? null]),
    [
      ['http', 0, null],
      ['mesh-sidecar', 0, 'http://127.0.0.1:101'],
      ['token-gateway', 7, 'https://127.0.0.1:102'],
    ],
  )
  assert.deepEqual([server.program, server.port], ['token-gateway', 103])
  assert.deepEqual(
    server.hops?.map(({ hop, takesSpans }) => [hop.name, takesSpans]),
    [
      ['gateway', true],
      ['sidecar', true],
      ['service', true],
    ],
  )
})

test('each hop has what it needs, and no more', async () => {
  const { launched } = await start(caseOf('token-gateway', { spans: ['off'] }))
  const [service, sidecar, gateway] = launched.map(({ config }) => config)
  assert.ok(service && sidecar && gateway)
  assert.deepEqual([service.tls, service.clients, service.issuer], [null, null, null])
  assert.deepEqual(Object.keys(sidecar.clients?.allowed ?? {}), [
    'spiffe://trustbench.test/edge/gateway',
  ])
  assert.deepEqual([sidecar.upstream?.identity, sidecar.upstream?.caFile], [null, null])
  assert.equal(gateway.clients, null)
  assert.notEqual(gateway.upstream?.identity, null)
  assert.equal(gateway.upstream?.ownTokens, null)
  assert.ok(!gateway.spans && !sidecar.spans && !service.spans)
})

test('a gateway with tokens of its own is a client for each tenant', async () => {
  const { launched, trust } = await start(caseOf('mtls-gateway'))
  const [service, gateway] = launched.map(({ config }) => config)
  assert.ok(service && gateway)
  assert.deepEqual(gateway.upstream?.ownTokens?.clientIds, {
    acme: 'acme-edge',
    globex: 'globex-edge',
  })
  assert.deepEqual([gateway.clients, gateway.issuer], [trust, null])
  assert.deepEqual([service.clients, service.token], [null, 'jwt'])
})

test('together they are the first, with what all of them use, and what each admitted', async () => {
  const { server } = await start(caseOf('token-gateway'))
  const { cpuUs, rssBytes, requests, handlerCalls, refusals, counters } = await server.snapshot()
  assert.deepEqual([cpuUs, rssBytes], [101 + 102 + 103, 30])
  assert.deepEqual([requests, handlerCalls, refusals], [103, 103, { 'token-gateway': 1 }])
  assert.deepEqual(counters, {
    own: 103,
    [passedAt('gateway')]: 103,
    [passedAt('sidecar')]: 102,
    [passedAt('service')]: 101,
  })
  // The one that clients speak to has the last word.
  assert.deepEqual(server.stderrTail(), ['http', 'mesh-sidecar', 'token-gateway'])
})

test('a product is the edge alone; what it has passed on the next hop has counted', async () => {
  const { launched, server } = await start(caseOf('token-gateway', { gateway: ['nginx'] }))
  assert.deepEqual(
    launched.map(({ program, config }) => [program, config.port, config.gateway?.product ?? null]),
    [
      ['http', 0, null],
      ['mesh-sidecar', 0, null],
      ['gateway', 7, 'nginx'],
    ],
  )
  assert.deepEqual(
    server.hops?.map(({ takesSpans }) => takesSpans),
    [false, true, true],
  )
  // Answers of its own: 103. Requests at the sidecar: 102.
  const { requests, handlerCalls, counters } = await server.snapshot()
  assert.deepEqual([requests, handlerCalls, counters[passedAt('gateway')]], [103, 102, 102])
  assert.equal(counters[passedAt('sidecar')], 102)
})

test('a scenario without hops is its server, as before', async () => {
  const { launched, server } = await start(caseOf('mtls'))
  assert.deepEqual(
    launched.map(({ program, config }) => [program, config.port, config.upstream, config.spans]),
    [['mtls', 7, null, false]],
  )
  assert.equal(server.hops, undefined)
  assert.deepEqual(
    ['http', 'mtls', 'jwt', 'mtls-gateway', 'sidecar'].map((name) => needsIssuer(caseOf(name))),
    [false, false, true, true, true],
  )
})
