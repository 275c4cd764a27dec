import { performance } from 'node:perf_hooks'
import { BenchError } from '../errors.ts'
import { createLab, type Lab } from '../lab.ts'
import { fetchToken } from '../lab-tokens.ts'
import { attack, openAttack, type Answer, type AttackRequest } from '../preflight/attack.ts'
import { bearer, paymentPath } from '../preflight/scene.ts'
import type { ServerProcess } from '../processes.ts'
import { resources } from '../../servers/config.ts'
import { caseOf } from './case-of.ts'
import type { Trial, TrialSetting } from './trial.ts'
import type { TrialSeries } from '../trials.ts'
import { coldStartSeries } from '../trial-series.ts'

/** From a cold process to its first authorised request, in parts: what serverless and edge pay each time. */
export const coldStart: Trial = {
  name: 'cold-start',
  what: 'a server process that just began, a client that just began, and their first authorised request',
  seconds: 20,
  run: async (setting) => {
    const parameters = caseOf('combined', {}, setting.scenarios).parameters
    await using lab = await createLab({ parameters })
    await using issuer = await setting.start({
      program: 'authorization',
      configFile: await lab.writeConfig('issuer', lab.authorizationConfig()),
    })
    const issuerUrl = `https://127.0.0.1:${issuer.port}`
    // The issuer is warm: it serves everybody, and does not start with each of them.
    await fetchToken(lab, issuerUrl, tokenRequest)
    const rounds: (readonly [name: string, ms: number])[][] = []
    for (let round = 0; round < setting.repetitions; round++) {
      setting.signal.throwIfAborted()
      rounds.push([
        ...(await startMutual(lab, setting)),
        ...(await startTokens(lab, issuerUrl, setting)),
      ])
    }
    return (rounds[0] ?? []).map(([name], index): TrialSeries => ({
      name,
      unit: 'ms',
      values: rounds.map((round) => round[index]?.[1] ?? Number.NaN),
    }))
  },
}

type Parts = (readonly [name: string, ms: number])[]

async function startMutual(lab: Lab, setting: TrialSetting): Promise<Parts> {
  const trial = caseOf('mtls', {}, setting.scenarios)
  const configFile = await lab.writeConfig('cold', lab.serverConfig(trial, null))
  const [startMs, server] = await timed(() => setting.start({ program: 'mtls', configFile }))
  await using _ = server
  const request = { method: 'GET', path: paymentPath('acme'), headers: [] }
  const { firstMs, connectionMs, requestMs } = await askCold(lab, server, request, lab.good)
  return [
    [coldStartSeries.mtlsStart, startMs],
    [coldStartSeries.mtlsFirst, firstMs],
    [coldStartSeries.mtlsConnection, connectionMs],
    [coldStartSeries.mtlsRequest, requestMs],
  ]
}

async function startTokens(lab: Lab, issuerUrl: string, setting: TrialSetting): Promise<Parts> {
  const trial = caseOf('jwt', {}, setting.scenarios)
  const configFile = await lab.writeConfig('cold', lab.serverConfig(trial, issuerUrl))
  const [startMs, server] = await timed(() => setting.start({ program: 'jwt', configFile }))
  await using _ = server
  const [fetchMs, token] = await timed(() => fetchToken(lab, issuerUrl, tokenRequest))
  const request = { method: 'GET', path: paymentPath('acme'), headers: [bearer(token)] }
  const { firstMs, connectionMs, requestMs } = await askCold(lab, server, request, null)
  return [
    [coldStartSeries.jwtStart, startMs],
    [coldStartSeries.tokenFetch, fetchMs],
    [coldStartSeries.jwtFirst, firstMs],
    [coldStartSeries.jwtConnection, connectionMs],
    [coldStartSeries.jwtRequest, requestMs],
  ]
}

async function askCold(
  { rootPem }: Lab,
  { port }: ServerProcess,
  request: AttackRequest,
  identity: Lab['good'] | null,
) {
  const target = { port, rootPem, identity }
  const [firstMs, first] = await timed(() => attack(target, request))
  using connection = openAttack(target)
  const [connectionMs, second] = await timed(() => connection.ask(request))
  const [requestMs, third] = await timed(() => connection.ask(request))
  for (const answer of [first, second, third]) assertServed(answer)
  return { firstMs, connectionMs, requestMs }
}

function assertServed(answer: Answer): void {
  if (answer.kind === 'response' && answer.status === 200) return
  const seen = answer.kind === 'response' ? `answered ${answer.status}` : answer.kind
  throw new BenchError('measurement-failed', `a good request to a cold server was ${seen}`)
}

async function timed<T>(act: () => Promise<T>): Promise<[ms: number, value: T]> {
  const startMs = performance.now()
  const value = await act()
  return [performance.now() - startMs, value]
}

const tokenRequest = { client: 'acme-billing', resource: resources.jwt }
