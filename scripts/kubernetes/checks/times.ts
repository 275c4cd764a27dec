import { seatWaitMs } from '../../../bench/commands/seat-options.ts'
import { durationMs } from '../../../bench/commands/plan-options.ts'
import { defaultCap } from '../../../bench/targets/caps.ts'
import { argumentsOf, configured, jobOf, valueOf, type Cluster } from './cluster.ts'
import { valueAt } from './place.ts'

/** Waits of a run that end before what they wait for. */
export function timeProblems(cluster: Cluster): string[] {
  const waitsMs = jobs.map(([job, container]) => waitMs(cluster, job, container))
  const [seatsMs = 0, coordinatorMs = 0] = waitsMs
  const neededMs = seatsMs + coordinatorMs + longestMs(cluster) + aroundMs
  return [
    ...(seatsMs > coordinatorMs ? [] : ['seats: give up before a coordinator that starts late']),
    ...jobs
      .filter(([job]) => deadlineMs(cluster, job) < neededMs)
      .map(([job]) => `${job}: is ended at its deadline, which needs ${neededMs / 1_000} s`),
  ]
}

/** How long a Job may be, from its start, in ms. */
export function deadlineMs(cluster: Cluster, job: string): number {
  return (jobOf(cluster, job).spec?.activeDeadlineSeconds ?? Infinity) * 1_000
}

function waitMs(cluster: Cluster, job: string, container: string): number {
  const seatWait = valueOf(argumentsOf(cluster, job, container), '--seat-wait')
  return seatWaitMs(seatWait === undefined ? {} : { seatWait })
}

/** What the configuration lets be sent at most. */
function longestMs(cluster: Cluster): number {
  const config: unknown = JSON.parse(
    configured(cluster, 'trustbench', 'trustbench.config.json') ?? '{}',
  )
  const most = valueAt(config, ['maxDuration'])
  return typeof most === 'string' ? durationMs('maxDuration', most) : defaultCap.durationMs
}

const jobs = [
  ['seats', 'seat'],
  ['coordinator', 'coordinator'],
] as const
/** The last answer and the last result (10 s and 60 s, by default), and a pod's own start and end. */
const aroundMs = 120_000
