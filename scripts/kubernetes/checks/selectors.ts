import type { INetworkPolicySpec } from 'kubernetes-models/networking.k8s.io/v1'
import type { Workload } from './cluster.ts'

/** Which pods are meant. */
export type Selector = NonNullable<INetworkPolicySpec['podSelector']>

/** The pods that a selector takes; an empty one takes all. */
export function selected(
  workloads: readonly Workload[],
  { matchLabels = {}, matchExpressions = [] }: Selector,
): readonly Workload[] {
  return workloads.filter(
    ({ labels }) =>
      Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
      matchExpressions.every(({ key, operator, values = [] }) => {
        if (operator !== 'In') throw new TypeError(`${operator}: only In is understood here`)
        return values.includes(labels[key] ?? '')
      }),
  )
}
