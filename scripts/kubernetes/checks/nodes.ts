import type { IAffinity, IContainer } from 'kubernetes-models/v1'
import type { Cluster, Workload } from './cluster.ts'
import { selected } from './selectors.ts'

/** Pods on nodes where they would be in a seat's way, or would never find room. */
export function nodeProblems({ workloads }: Cluster): string[] {
  return [...besideSeats(workloads), ...claimProblems(workloads)]
}

/** Seats keep off each other and all else, but for what goes where another is that they keep off. */
function besideSeats(workloads: readonly Workload[]): string[] {
  const apart = workloads
    .filter(({ name }) => name === 'seats')
    .flatMap(({ spec }) => nodesOf(workloads, spec.affinity?.podAntiAffinity))
  return workloads
    .filter((one) => !apart.includes(one) && !followed(workloads, one).some(isIn(apart)))
    .map(({ name }) => `seats: may share a node with ${name}, and its cores`)
}

/** A claim is on one node at a time: of its pods the largest goes where there is room, all others after it. */
function claimProblems(workloads: readonly Workload[]): string[] {
  const claims = Map.groupBy(
    workloads.flatMap((workload) => claimsOf(workload).map((claim) => ({ claim, workload }))),
    ({ claim }) => claim,
  )
  return [...claims].flatMap(([claim, uses]) => {
    const [largest, ...others] = uses
      .map(({ workload }) => workload)
      .toSorted((a, b) => coresOf(b) - coresOf(a))
    if (largest === undefined) return []
    return [
      ...others
        .filter((one) => !followed(workloads, one).includes(largest))
        .map(({ name }) => `${name}: may take ${claim} where ${largest.name} finds no room`),
      ...followed(workloads, largest).map(
        ({ name }) => `${largest.name}: must find room where ${name} is`,
      ),
    ]
  })
}

function claimsOf({ spec: { volumes = [] } }: Workload): string[] {
  return volumes.flatMap(({ persistentVolumeClaim: claim }) => claim?.claimName ?? [])
}

/** The pods on whose node a pod must be. */
function followed(workloads: readonly Workload[], { spec }: Workload): readonly Workload[] {
  return nodesOf(workloads, spec.affinity?.podAffinity)
}

type Nearness = IAffinity['podAffinity'] | IAffinity['podAntiAffinity']

/** The pods that an affinity or anti-affinity ties to a node, where it is required. */
function nodesOf(workloads: readonly Workload[], nearness: Nearness): readonly Workload[] {
  const terms = nearness?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  return terms
    .filter(({ topologyKey }) => topologyKey === 'kubernetes.io/hostname')
    .flatMap(({ labelSelector }) =>
      labelSelector === undefined ? [] : selected(workloads, labelSelector),
    )
}

function isIn(all: readonly Workload[]): (one: Workload) => boolean {
  return (one) => all.includes(one)
}

/** Cores that a pod asks for: its containers run beside each other, each of those before them alone. */
function coresOf({ spec: { initContainers = [], containers } }: Workload): number {
  const together = containers.reduce((cores, one) => cores + coresOfContainer(one), 0)
  return Math.max(together, ...initContainers.map(coresOfContainer))
}

function coresOfContainer({ resources }: IContainer): number {
  const text = String(resources?.requests?.['cpu'] ?? 0)
  return text.endsWith('m') ? Number.parseInt(text, 10) / 1_000 : Number(text)
}
