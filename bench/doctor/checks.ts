import type { Readings } from './readings.ts'

/** `unknown` is what cannot be read here: never ok. */
export type CheckState = 'ok' | 'warn' | 'unfit' | 'unknown'

/** What one check found. */
export interface CheckResult {
  readonly id: string
  readonly state: CheckState
  /** As read, in `unit`; null where it cannot be read. */
  readonly measured: number | string | null
  /** Null for names and versions. */
  readonly unit: string | null
  /** What to do about it; null when it is ok. */
  readonly advice: string | null
}

/** One check as data: what it takes from the readings, and how it judges that. */
interface Check {
  readonly id: string
  readonly unit: string | null
  readonly measured: (readings: Readings) => number | string | null
  readonly state: (readings: Readings) => CheckState
  readonly advice: string
}

/** Judges all readings, in the order in which a reader wants them. */
export function judge(readings: Readings): CheckResult[] {
  return checks.map(({ id, unit, measured, state, advice }) => {
    const verdict = state(readings)
    return {
      id,
      state: verdict,
      measured: measured(readings),
      unit,
      advice: verdict === 'ok' ? null : advice,
    }
  })
}

/** Whether the machine can measure at all. */
export function isFit(results: readonly CheckResult[]): boolean {
  return results.every(({ state }) => state !== 'unfit')
}

/** Up to `ok` it is fine, up to `warn` it widens intervals, beyond it figures mean nothing. */
function atMost(value: number | null, limits: { ok: number; warn: number }): CheckState {
  if (value === null) return 'unknown'
  if (value <= limits.ok) return 'ok'
  return value <= limits.warn ? 'warn' : 'unfit'
}

function atLeast(value: number | null, limits: { ok: number; warn: number }): CheckState {
  return atMost(value === null ? null : -value, { ok: -limits.ok, warn: -limits.warn })
}

function governorState(governors: readonly string[] | null): CheckState {
  if (governors === null) return 'unknown'
  return governors.every((governor) => governor === 'performance') ? 'ok' : 'warn'
}

function clockSourceState(source: string | null): CheckState {
  if (source === null) return 'unknown'
  return fastClocks.includes(source) ? 'ok' : 'warn'
}

function lockState(holder: Readings['lockHolder']): CheckState {
  if (holder === 'unreadable') return 'unknown'
  return holder === null ? 'ok' : 'unfit'
}

function lockText(holder: Readings['lockHolder']): string | null {
  if (holder === 'unreadable') return null
  return holder === null ? 'none' : `pid ${holder.pid} (${holder.kind}) since ${holder.since}`
}

function runtimeState({ nodeVersion, lockedNodeVersion }: Readings): CheckState {
  if (lockedNodeVersion === null) return 'unknown'
  if (nodeVersion === lockedNodeVersion) return 'ok'
  const major = (version: string) => version.split('.', 1)[0]
  return major(nodeVersion) === major(lockedNodeVersion) ? 'warn' : 'unfit'
}

function yesOrNo(value: boolean | null): string | null {
  if (value === null) return null
  return value ? 'yes' : 'no'
}

function workState(value: boolean | null): CheckState {
  if (value === null) return 'unknown'
  return value ? 'ok' : 'warn'
}

function mebibytes(bytes: number | null): number | null {
  return bytes === null ? null : Math.round(bytes / 2 ** 20)
}

function percent(share: number | null): number | null {
  return share === null ? null : Math.round(share * 1_000) / 10
}

const checks: readonly Check[] = [
  {
    id: 'cores',
    unit: 'cores',
    measured: ({ cores }) => cores,
    state: ({ cores }) => (cores >= 2 ? 'ok' : 'unfit'),
    advice: 'give it two cores or more: client and servers must not share one',
  },
  {
    id: 'cpu-governor',
    unit: null,
    measured: ({ governors }) => governors?.join(' ') ?? null,
    state: ({ governors }) => governorState(governors),
    advice:
      'fix the frequency (Linux: cpupower frequency-set -g performance); in a virtual machine its host decides, so look at the intervals',
  },
  {
    id: 'steal',
    unit: '%',
    measured: ({ stealShare }) => percent(stealShare),
    // At 1 % a slice of 50 ms loses half a millisecond; beyond 10 % pairs of slices no longer match.
    state: ({ stealShare }) => atMost(stealShare, { ok: 0.01, warn: 0.1 }),
    advice:
      'the host gives this core time to others: measure at another hour or on a dedicated machine',
  },
  {
    id: 'foreign-cpu',
    unit: '%',
    measured: ({ foreignShare }) => percent(foreignShare),
    state: ({ foreignShare }) => atMost(foreignShare, { ok: 0.05, warn: 0.5 }),
    advice: 'other processes are busy: end them (see top), or expect wide intervals',
  },
  {
    id: 'clock-source',
    unit: null,
    measured: ({ clockSource }) => clockSource,
    state: ({ clockSource }) => clockSourceState(clockSource),
    advice:
      'reading the clock may cost microseconds: use tsc or kvm-clock where the machine has them',
  },
  {
    id: 'clock-drift',
    unit: 'ms/s',
    measured: ({ clockDriftMs }) => Math.round(clockDriftMs * 10) / 10,
    // The wall clock tells whole milliseconds and is slewed by 0.5 ms/s at most; more is a step or a stopped machine.
    state: ({ clockDriftMs }) => atMost(clockDriftMs, { ok: 5, warn: 100 }),
    advice: 'wall clock and monotonic clock disagree: let the clock synchronise, then look again',
  },
  {
    id: 'pinning',
    unit: null,
    measured: ({ pinned }) => yesOrNo(pinned),
    state: ({ pinned }) => workState(pinned),
    advice: 'install util-linux (taskset) on Linux; without pinning intervals are wider',
  },
  {
    id: 'runtime',
    unit: null,
    measured: ({ nodeVersion }) => `Node ${nodeVersion}`,
    state: runtimeState,
    advice: 'run npm ci without --omit=optional, and start it by npm run: figures name their Node',
  },
  {
    id: 'schedstat',
    unit: null,
    measured: ({ schedstat }) => yesOrNo(schedstat),
    state: ({ schedstat }) => workState(schedstat),
    advice: 'CPU time is asked of each server instead, and run-queue delay is not known',
  },
  {
    id: 'free-memory',
    unit: 'MiB',
    measured: ({ freeMemoryBytes }) => mebibytes(freeMemoryBytes),
    // A run of combined and its parts is eight processes of about 100 MiB.
    state: ({ freeMemoryBytes }) => atLeast(freeMemoryBytes, { ok: 2 ** 30, warn: 2 ** 29 }),
    advice: 'end what holds memory: swapping would be measured as latency',
  },
  {
    id: 'free-disk-results',
    unit: 'MiB',
    measured: ({ freeResultsBytes }) => mebibytes(freeResultsBytes),
    // A Run file of 40 blocks is about 2 MiB, its charts as much again.
    state: ({ freeResultsBytes }) => atLeast(freeResultsBytes, { ok: 2 ** 27, warn: 2 ** 24 }),
    advice: 'free space there, or keep runs in another folder with --results',
  },
  {
    id: 'free-disk-tmp',
    unit: 'MiB',
    measured: ({ freeTmpBytes }) => mebibytes(freeTmpBytes),
    state: ({ freeTmpBytes }) => atLeast(freeTmpBytes, { ok: 2 ** 27, warn: 2 ** 24 }),
    advice: 'free space there, or let TMPDIR name another folder',
  },
  {
    id: 'loopback',
    unit: 'µs',
    measured: ({ loopbackUs }) => (loopbackUs === null ? null : Math.round(loopbackUs)),
    // 20 to 60 µs on an idle machine; null means that nothing came back at all.
    state: ({ loopbackUs }) => atMost(loopbackUs ?? Infinity, { ok: 500, warn: 5_000 }),
    advice:
      'a round trip on 127.0.0.1 is slow or fails: look for a firewall, a proxy or a full CPU',
  },
  {
    id: 'git',
    unit: null,
    measured: ({ git }) => git,
    state: ({ git }) => (git === null ? 'warn' : 'ok'),
    advice: 'install git: without it runs name no commit, and compare --live does not work',
  },
  {
    id: 'gateways',
    unit: null,
    measured: ({ gateways }) => gateways.join(', ') || 'none',
    state: ({ gateways }) => (gateways.length === 0 ? 'warn' : 'ok'),
    advice:
      'for --gateway: apt-get install nginx libnginx-mod-http-js haproxy apache2 libapache2-mod-oauth2',
  },
  {
    id: 'other-run',
    unit: null,
    measured: ({ lockHolder }) => lockText(lockHolder),
    state: ({ lockHolder }) => lockState(lockHolder),
    advice: 'two runs at once falsify each other: wait until the other ends, or stop it',
  },
]

/** Clock sources that are read without a system call. */
const fastClocks = ['tsc', 'kvm-clock', 'arch_sys_counter', 'hyperv_clocksource_tsc_page']
