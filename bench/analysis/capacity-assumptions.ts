import type { Demand } from '../demand.ts'
import type { Fit, MechanismFit } from './capacity-gather.ts'
import { connectionsOf } from './capacity-limits.ts'

/** What a size takes to be so without having measured it, one sentence each. */
export function assumptionsOf(demand: Demand, fit: Fit, unattainableShare: number): string[] {
  return [
    ...fit.mechanisms.map(marked),
    ...processAssumptions(demand, fit),
    ...arrivalAssumptions(demand, fit),
    ...issuerAssumptions(demand, fit),
    sessionAssumption(fit),
    unattainableShare > 0
      ? `in ${Math.ceil(unattainableShare * 100)} % of the bootstrap samples no fleet met the objective; they are in no interval`
      : null,
  ].filter((line) => line !== null)
}

/** What lets a forgery in costs less than what does not. */
function marked({ label, parts }: MechanismFit): string | null {
  const accepted = [...new Set(parts.flatMap((part) => part.fit.accepted))]
  return accepted.length === 0
    ? null
    : `MARKED: ${label} accepted bad credentials when it was measured: ${accepted.join(', ')}`
}

function processAssumptions(demand: Demand, fit: Fit): (string | null)[] {
  const { coresPerInstance, scaling, cpuFactor } = demand
  const [run] = fit.runs.values()
  const serverCores = run?.environment.serverCpus?.length ?? null
  return [
    'a process for each core; instances share nothing but the authorization server, and load is spread evenly over them',
    coresPerInstance === 1
      ? null
      : scaling === null
        ? `${coresPerInstance} processes of an instance do ${fit.scaling.factor.toFixed(2)} times what as many alone would: measured with workers=${fit.scaling.processes}`
        : `ASSUMED by --scaling: ${coresPerInstance} processes of an instance do ${scaling} times what as many alone would`,
    cpuFactor === null
      ? null
      : `ASSUMED by --cpu-factor: a request takes ${cpuFactor} times the CPU time that it took on ${run?.environment.cpuModel ?? 'the CPU measured'}`,
    serverCores === 1
      ? null
      : `the servers measured had ${serverCores ?? 'an unknown number of'} cores, so that one process may have used more than one`,
  ]
}

function arrivalAssumptions(demand: Demand, { mechanisms }: Fit): (string | null)[] {
  const isOpenMeasured = mechanisms.every(({ parts }) => parts.every(({ open }) => open.length > 0))
  const { burst, balancing, requestsPerConnection } = demand
  const connections = connectionsOf(demand)
  return [
    `requests of independent clients (Poisson) at each rate; ${burst === 1 ? 'waves beyond the peak are in no figure, give --burst' : `what comes in waves is in the burst of ×${Number(burst.toFixed(2))}`}`,
    balancing === 'connection'
      ? 'a request goes to the process that has its connection: each has a queue of its own'
      : 'ASSUMED by --balancing: all processes take from one queue',
    requestsPerConnection === null
      ? 'connections stay open: new ones and their handshakes cost nothing here'
      : 'a handshake keeps its process for its CPU time; latency is that of requests, not of handshakes',
    isOpenMeasured
      ? null
      : 'at little load a request costs more than is told, up to a third at a tenth of capacity: caches are cold then; --measure measures it',
    demand.connections === null && connections !== null
      ? `one connection for each of ${connections.toLocaleString('en-US')} clients`
      : null,
  ]
}

function issuerAssumptions({ issuerLatencyUs, clients, tokenLifetimeUs }: Demand, fit: Fit) {
  const asks = fit.mechanisms.some(({ parts }) =>
    parts.some(({ introspections }) => introspections > 0),
  )
  return [
    asks
      ? issuerLatencyUs === 0
        ? 'an introspection takes as long as on loopback: give --issuer-latency for a network'
        : `an introspection takes ${issuerLatencyUs / 1_000} ms more than on loopback, at any load`
      : null,
    fit.mechanisms.some(({ hasToken }) => hasToken) &&
    (clients === null || tokenLifetimeUs === null)
      ? 'tokens are issued elsewhere: give --clients and --token-lifetime for the grants'
      : null,
  ]
}

function sessionAssumption({ sessionSd: { sd, basis } }: Fit): string {
  return `CPU of a session is off by ${(sd * 100).toFixed(1)} % sd: ${basis}`
}
