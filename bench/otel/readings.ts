import type { Block, ChurnCell, Slice, Window } from '../results.ts'
import { errorKind } from './error-kind.ts'
import type { InstrumentName } from './instruments.ts'

/** Labels of a series; every value comes out of the plan or a closed list, so that there are few. */
export type Attributes = Readonly<Record<string, string | number>>

/** A series that begins, or something to add to it, to set it to, or to merge into it (an encoded HdrHistogram of µs). */
export type Reading = { readonly instrument: InstrumentName; readonly attributes: Attributes } & (
  | { readonly kind: 'begin' }
  | { readonly kind: 'add'; readonly amount: number }
  | { readonly kind: 'set'; readonly value: number }
  | { readonly kind: 'merge'; readonly histogram: string }
)

/** Who an arm is: run, scenario, arm. */
export type Identify = (arm: string) => Attributes

/** A run that begins: no block is done. */
export function runReadings(run: Attributes): Reading[] {
  return [add('blocks', { ...run, ...outcome('measured') }, 0)]
}

/** What a block adds, but for its windows: each of them is told when it ends. */
export function blockReadings(block: Block, run: Attributes, who: Identify): Reading[] {
  return [
    add('blocks', { ...run, ...outcome(block.outcome) }, 1),
    ...sliceReadings(block.slices, who),
    ...block.histograms.map(({ histogram, ...of }) =>
      merge('duration', closedAttributes(of, who), histogram),
    ),
    ...(block.churn ?? []).flatMap((cell) => cellReadings(cell, who)),
    // Of a target that tells its CPU for whole blocks only, and never for a slice as well.
    ...(block.counted ?? []).flatMap(({ arm, cpuUs }) => cpuTime(who(arm), 'server', cpuUs)),
  ]
}

/** What a window adds that has ended. */
export function windowReadings(window: Window, who: Identify): Reading[] {
  const { requests, answered, timeouts, histograms } = window
  const attributes = windowAttributes(window, who)
  const failed = Math.max(0, requests - answered - timeouts)
  return [
    ...outcomeReadings(attributes, { answered, timeout: timeouts, failed }),
    ...errorReadings(attributes, [...Object.entries(window.errors), ['timeout', timeouts]]),
    ...loadReadings(attributes, window),
    merge('duration', attributes, histograms.response),
    merge('lateness', attributes, histograms.lateness),
  ]
}

/** What is known of a window that begins: its series are there, at 0, before they first move. */
export function beginningReadings(
  window: Pick<Window, 'arm' | 'plan'>,
  who: Identify,
): readonly Reading[] {
  const attributes = windowAttributes(window, who)
  const begin = (instrument: InstrumentName): Reading => ({ kind: 'begin', instrument, attributes })
  return [
    ...outcomeReadings(attributes, { answered: 0, timeout: 0, failed: 0 }),
    add('errors', { ...attributes, 'error.type': 'timeout' }, 0),
    ...(['duration', 'lateness', 'loadTime'] as const).map(begin),
    {
      kind: 'set',
      instrument: 'offeredRate',
      attributes: who(window.arm),
      value: window.plan.ratePerSecond,
    },
  ]
}

/** One pass over slices: a block has some hundred, and what they add up to is little. */
function sliceReadings(slices: readonly Slice[], who: Identify): Reading[] {
  const groups = Map.groupBy(slices, ({ arm, load, connections }) =>
    JSON.stringify([arm, load, connections]),
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const attributes = closedAttributes(first, who)
    return [...statusReadings(attributes, group), ...loadReadings(attributes, ...group)]
  })
}

/** The status that most have gets what is left: statuses also count answers on new connections that are in no figure. */
function statusReadings(attributes: Attributes, slices: readonly Slice[]): Reading[] {
  const counts = new Map<string, number>()
  for (const [status, count] of slices.flatMap(({ statuses }) => Object.entries(statuses)))
    counts.set(status, (counts.get(status) ?? 0) + count)
  const [usual, ...others] = [...counts].sort(([, a], [, b]) => b - a)
  const requests = sumOf(slices, (slice) => slice.requests)
  const left = requests - sumOf(others, ([, count]) => count)
  return [[usual?.[0] ?? '0', left] as const, ...others].map(([status, count]) =>
    add(
      'requests',
      { ...attributes, ...outcome('answered'), 'http.response.status_code': Number(status) },
      count,
    ),
  )
}

function cellReadings(cell: ChurnCell, who: Identify): Reading[] {
  const attributes = {
    ...who(cell.arm),
    'trustbench.load': 'churn',
    'trustbench.policy': cell.policy,
    'trustbench.requests_per_connection': cell.requestsPerConnection ?? 'all',
    ...(cell.clients === undefined ? {} : { 'trustbench.clients': cell.clients }),
  }
  const { slices } = cell
  return [
    add(
      'requests',
      { ...attributes, ...outcome('answered') },
      sumOf(slices, ({ requests }) => requests),
    ),
    ...errorReadings(attributes, [
      ['connection_refused', sumOf(slices, ({ connectionsRefused }) => connectionsRefused)],
    ]),
    ...loadReadings(attributes, ...slices),
    merge('duration', attributes, cell.histograms.response),
  ]
}

/** Requests by what became of them. */
function outcomeReadings(
  attributes: Attributes,
  counts: Readonly<Record<string, number>>,
): Reading[] {
  return Object.entries(counts).map(([name, count]) =>
    add('requests', { ...attributes, ...outcome(name) }, count),
  )
}

function errorReadings(
  attributes: Attributes,
  errors: readonly (readonly [reason: string, count: number])[],
): Reading[] {
  return errors
    .filter(([, count]) => count > 0)
    .map(([reason, count]) =>
      add('errors', { ...attributes, 'error.type': errorKind(reason) }, count),
    )
}

type Sensed = Pick<
  Window,
  'wallUs' | 'cpuUs' | 'issuerCpuUs' | 'clientCpuUs' | 'handshakesFull' | 'handshakesResumed'
>

/** What all loads have in common; null is no figure, and adds nothing. */
function loadReadings(attributes: Attributes, ...parts: readonly Sensed[]): Reading[] {
  const known = (figure: (part: Sensed) => number | null) => {
    const figures = parts.map(figure).filter((value) => value !== null)
    return figures.length === 0 ? null : figures.reduce((sum, value) => sum + value, 0)
  }
  const handshakes = (kind: string, count: number | null) =>
    count === null
      ? []
      : [add('handshakes', { ...attributes, 'trustbench.handshake.kind': kind }, count)]
  return [
    add('loadTime', attributes, sumOf(parts, ({ wallUs }) => wallUs) / usPerSecond),
    ...cpuTime(
      attributes,
      'server',
      known(({ cpuUs }) => cpuUs),
    ),
    ...cpuTime(
      attributes,
      'issuer',
      known(({ issuerCpuUs }) => issuerCpuUs),
    ),
    ...cpuTime(
      attributes,
      'client',
      known(({ clientCpuUs }) => clientCpuUs),
    ),
    ...handshakes(
      'full',
      known(({ handshakesFull }) => handshakesFull),
    ),
    ...handshakes(
      'resumed',
      known(({ handshakesResumed }) => handshakesResumed),
    ),
  ]
}

function cpuTime(attributes: Attributes, role: string, cpuUs: number | null): Reading[] {
  return cpuUs === null
    ? []
    : [add('cpuTime', { ...attributes, 'trustbench.role': role }, cpuUs / usPerSecond)]
}

function closedAttributes(
  { arm, load, connections }: Pick<Slice, 'arm' | 'load' | 'connections'>,
  who: Identify,
): Attributes {
  return {
    ...who(arm),
    'trustbench.load': load === 'duet' ? 'closed' : load,
    'trustbench.connections': connections,
  }
}

function windowAttributes({ arm, plan }: Pick<Window, 'arm' | 'plan'>, who: Identify): Attributes {
  return {
    ...who(arm),
    'trustbench.load': 'open',
    'trustbench.connections': plan.connections,
    // Of a curve there are several, and their latencies are not of one kind.
    'trustbench.offered_rate': plan.ratePerSecond,
  }
}

function outcome(name: string): Attributes {
  return { 'trustbench.outcome': name }
}

function add(instrument: InstrumentName, attributes: Attributes, amount: number): Reading {
  return { kind: 'add', instrument, attributes, amount }
}

function merge(instrument: InstrumentName, attributes: Attributes, histogram: string): Reading {
  return { kind: 'merge', instrument, attributes, histogram }
}

function sumOf<T>(parts: readonly T[], figure: (part: T) => number): number {
  return parts.reduce((sum, part) => sum + figure(part), 0)
}

const usPerSecond = 1_000_000
