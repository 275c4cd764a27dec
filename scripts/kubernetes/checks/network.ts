import type {
  INetworkPolicy,
  INetworkPolicyPeer,
  INetworkPolicyPort,
} from 'kubernetes-models/networking.k8s.io/v1'
import type { Cluster, Workload } from './cluster.ts'
import { selected } from './selectors.ts'

/**
 * Every connection that the network policies let through, sorted, as `seat > 192.0.2.1/32 TCP/443` for what goes
 * out and `redis < seats TCP/6379` for what comes in. Pods that no policy holds back are `> anything`, `< anything`.
 */
export function flowsOf({ policies, workloads }: Cluster): string[] {
  const flows = workloads.flatMap((workload) => {
    const own = policies.filter(({ spec }) =>
      selected([workload], spec?.podSelector ?? {}).includes(workload),
    )
    return directions.flatMap(({ type, sign, rulesOf }) => {
      const holding = own.filter(({ spec }) => spec?.policyTypes?.includes(type) === true)
      const through = holding.length === 0 ? [open] : holding.flatMap(rulesOf)
      return through.flatMap(({ peers = [{}], ports = [{}] }) =>
        peers.flatMap((peer) =>
          namesOf(peer, workloads).flatMap((name) =>
            ports.map((port) => `${workload.name} ${sign} ${name} ${portOf(port)}`),
          ),
        ),
      )
    })
  })
  return [...new Set(flows)].sort()
}

/** Policies that take no pod, for a label was renamed on one side, and connections that are let through to nearly anywhere. */
export function networkProblems(cluster: Cluster): string[] {
  const { policies, workloads } = cluster
  const idle = policies
    .filter(({ spec }) => selected(workloads, spec?.podSelector ?? {}).length === 0)
    .map(({ metadata }) => `NetworkPolicy ${metadata?.name ?? ''}: takes no pod`)
  const wide = flowsOf(cluster).filter(
    (flow) => /anything|any port/.test(flow) || Number(/\/(\d+) /.exec(flow)?.[1] ?? 32) < 24,
  )
  return [...idle, ...wide.map((flow) => `open: ${flow}`)]
}

/** Whom a policy lets through, and where to; undefined is everybody, and everywhere. */
interface Through {
  readonly peers?: readonly INetworkPolicyPeer[] | undefined
  readonly ports?: readonly INetworkPolicyPort[] | undefined
}

function namesOf(
  { podSelector, namespaceSelector, ipBlock }: INetworkPolicyPeer,
  workloads: readonly Workload[],
): string[] {
  if (ipBlock !== undefined) return [ipBlock.cidr]
  if (namespaceSelector !== undefined)
    return [`${labelsOf(namespaceSelector)} ${labelsOf(podSelector ?? {})}`]
  if (podSelector === undefined) return ['anything']
  return selected(workloads, podSelector).map(({ name }) => name)
}

function labelsOf({ matchLabels = {} }: { matchLabels?: Record<string, string> }): string {
  return Object.entries(matchLabels)
    .map((pair) => pair.join('='))
    .join(',')
}

function portOf({ protocol, port }: INetworkPolicyPort): string {
  return port === undefined ? 'any port' : `${protocol ?? 'TCP'}/${port}`
}

const open: Through = {}
const directions = [
  {
    type: 'Egress',
    sign: '>',
    rulesOf: ({ spec }: INetworkPolicy): Through[] =>
      (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports })),
  },
  {
    type: 'Ingress',
    sign: '<',
    rulesOf: ({ spec }: INetworkPolicy): Through[] =>
      (spec?.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports })),
  },
] as const
