import { createLab } from '../bench/lab.ts'
import { clientTlsOptions } from '../bench/preflight/client.ts'
import { pinClient, pinProcess } from '../bench/pinning.ts'
import { startServer } from '../bench/processes.ts'
import { expand } from '../bench/scenario.ts'
import { loadScenarios, findScenario } from '../bench/scenarios.ts'
import { sliceOrder } from '../bench/measure.ts'
import { createRandom } from '../bench/random.ts'
import { startNodeClient, startWrk } from './driver-benchmark/arms.ts'
const { pinning } = pinClient()
const [trial] = expand(
  findScenario('reference', await loadScenarios(import.meta.dirname + '/..')),
  {},
)
await using lab = await createLab({ parameters: trial!.parameters })
const server = await startServer({
  program: 'reference',
  configFile: await lab.writeConfig('reference', lab.serverConfig(trial!, null)),
  cpus: pinning!.serverCpus,
})
await using _s = server
const target = {
  host: '127.0.0.1',
  port: server.port,
  tls: clientTlsOptions(lab, null),
  path: '/v1/orgs/acme/payments/pay_1001',
  headers: { accept: 'application/json' },
  expect: {
    status: 200,
    body: Buffer.from(
      '{"id":"pay_1001","org_id":"acme","amount":"129.95","currency":"EUR","state":"settled"}',
    ),
  },
}
const opts = { target, connections: 8, server, clientCpus: pinning!.clientCpus }
const arms: any = {}
await using stack = new AsyncDisposableStack()
for (const k of ['ours', 'autocannon', 'undici'] as const)
  arms[k] = stack.use(await startNodeClient(k, opts))
arms.wrk = stack.use(await startWrk(opts, 150))
for (const k in arms) for (let i = 0; i < 3; i++) await arms[k].slice(3000)
const all: any = {}
for (const k of sliceOrder(Object.keys(arms), Number(process.argv[2] ?? 8), createRandom(1))) {
  const r = await arms[k].slice(2000)
  ;(all[k] ??= []).push(r)
}
for (const k in all) {
  const m = (f: any) => {
    const s = all[k].map(f).sort((a: number, b: number) => a - b)
    return s[s.length >> 1].toFixed(1)
  }
  console.log(
    k,
    'client',
    m((r: any) => r.clientCpuUs / r.requests),
    'server',
    m((r: any) => r.serverCpuUs / r.requests),
    'p50',
    m((r: any) => r.latencyP50Us ?? 0),
    all[k].map((r: any) => (r.clientCpuUs / r.requests).toFixed(0)).join(' '),
    all[k][0].requests,
  )
}
process.exit(0)
