import type { IJobSpec } from 'kubernetes-models/batch/v1'
import { argumentsOf, configured, containersOf, jobOf, valueOf, type Cluster } from './cluster.ts'

/** What is wrong with the two Jobs of a run: seats that would be missing, doubled, or on each other's cores. */
export function jobProblems(cluster: Cluster): string[] {
  const seats = jobOf(cluster, 'seats').spec
  const coordinator = jobOf(cluster, 'coordinator').spec
  return [
    ...seatCountProblems(cluster, seats),
    ...(seats === undefined ? ['seats: no spec'] : seatsProblems(seats)),
    ...[seats, coordinator].flatMap((spec, index) =>
      runProblems(spec).map((problem) => `${index === 0 ? 'seats' : 'coordinator'}: ${problem}`),
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

function seatsProblems(seats: IJobSpec): string[] {
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
    [cores.every(Number.isSafeInteger), 'cores are not whole: none can be a seat’s alone'],
  ]
  return checks.filter(([holds]) => !holds).map(([, told]) => `seats: ${told}`)
}

/** Of either Job: one run, of the code that its tag has now, and an end. */
function runProblems(spec: IJobSpec | undefined): string[] {
  const checks: readonly [holds: boolean | undefined, told: string][] = [
    [spec?.template.spec?.restartPolicy === 'Never', 'a container would be started again'],
    [
      spec?.template.spec?.containers.every(({ imagePullPolicy }) => imagePullPolicy === 'Always'),
      'a node keeps the code of a tag that was pushed again',
    ],
    [spec?.activeDeadlineSeconds !== undefined, 'nothing ends it'],
    [spec?.ttlSecondsAfterFinished !== undefined, 'stays for ever'],
  ]
  return checks.filter(([holds]) => !holds).map(([, told]) => told)
}
