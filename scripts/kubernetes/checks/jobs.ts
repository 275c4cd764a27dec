import type { IJobSpec } from 'kubernetes-models/batch/v1'
import { argumentsOf, configured, containersOf, jobOf, type Cluster } from './cluster.ts'
import { selected } from './selectors.ts'

/** What is wrong with the two Jobs of a run: seats that would be missing, doubled, or on each other's cores. */
export function jobProblems(cluster: Cluster): string[] {
  const seats = jobOf(cluster, 'seats').spec
  const coordinator = jobOf(cluster, 'coordinator').spec
  return [
    ...seatCountProblems(cluster, seats),
    ...(seats === undefined ? ['seats: no spec'] : seatsProblems(cluster, seats)),
    ...[seats, coordinator].flatMap((spec, index) =>
      endProblems(spec).map((problem) => `${index === 0 ? 'seats' : 'coordinator'}: ${problem}`),
    ),
    ...(coordinator?.backoffLimit === 0 ? [] : ['coordinator: would be tried again']),
  ]
}

function seatCountProblems(cluster: Cluster, seats: IJobSpec | undefined): string[] {
  const told = Number(configured(cluster, 'run', 'seats'))
  const counts = {
    completions: seats?.completions,
    parallelism: seats?.parallelism,
    '--seats': Number(valueOf(argumentsOf(cluster, 'coordinator', 'coordinator'), '--seats')),
  }
  return Object.entries(counts)
    .filter(([, count]) => count !== told || !Number.isSafeInteger(told))
    .map(([name, count]) => `seats: ${name} is ${count ?? 'not told'}, ConfigMap run says ${told}`)
}

function seatsProblems(cluster: Cluster, seats: IJobSpec): string[] {
  const rules = seats.podFailurePolicy?.rules ?? []
  const cores = containersOf(seats.template.spec ?? { containers: [] }).map(({ resources }) =>
    Number(resources?.limits?.['cpu']),
  )
  const checks: readonly [holds: boolean, told: string][] = [
    [seats.completionMode === 'Indexed', 'pods have no index'],
    [seats.backoffLimitPerIndex !== undefined, 'one seat’s failures count against all'],
    [rules[0]?.onPodConditions?.[0]?.type === 'DisruptionTarget', 'evictions are not told apart'],
    [rules.every(({ action }) => action !== 'Ignore'), 'a failure is ignored silently'],
    [seats.podReplacementPolicy === 'Failed', 'two pods of one seat could live at once'],
    [isApart(cluster, seats), 'two on one node share its cores'],
    [cores.every(Number.isSafeInteger), 'cores are not whole: none can be a seat’s alone'],
  ]
  return checks.filter(([holds]) => !holds).map(([, told]) => `seats: ${told}`)
}

/** Whether a seat keeps all other seats off its node. */
function isApart({ workloads }: Cluster, { template }: IJobSpec): boolean {
  const terms =
    template.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  return terms.some(
    ({ topologyKey, labelSelector }) =>
      topologyKey === 'kubernetes.io/hostname' &&
      labelSelector !== undefined &&
      selected(workloads, labelSelector).some(({ name }) => name === 'seats'),
  )
}

function endProblems(spec: IJobSpec | undefined): string[] {
  const checks: readonly [holds: boolean, told: string][] = [
    [spec?.template.spec?.restartPolicy === 'Never', 'a container would be started again'],
    [spec?.activeDeadlineSeconds !== undefined, 'nothing ends it'],
    [spec?.ttlSecondsAfterFinished !== undefined, 'stays for ever'],
  ]
  return checks.filter(([holds]) => !holds).map(([, told]) => told)
}

/** What stands behind an option. */
export function valueOf(args: readonly string[], option: string): string | undefined {
  const index = args.indexOf(option)
  return index < 0 ? undefined : args[index + 1]
}
