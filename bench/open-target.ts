import { createHash } from 'node:crypto'
import { readEnvironment } from './environment.ts'
import { BenchError } from './errors.ts'
import { runOpenLoop } from './load/open.ts'
import type { Endpoint } from './load/target.ts'
import { measureOpen, type OpenArmSource, type OpenMeasurePlan } from './measure-open.ts'
import { pinClient, unpinClient } from './pinning.ts'
import type { ArmRecord, Run } from './results.ts'
import { finishInto, measuringVersion, referenceDigest, type RunOptions } from './run.ts'
import { measureTargetWindow } from './windows.ts'

/** A server that is the user's own: where it is, and its URL as it may be stored. */
export interface UserTarget {
  readonly url: string
  readonly endpoint: Endpoint
}

/** What a run on a target needs to know. */
export interface TargetRunOptions extends Omit<RunOptions, 'arms' | 'seed' | 'procedure'> {
  readonly target: UserTarget
  readonly plan: OpenMeasurePlan
}

/**
 * Windows of offered load on a server of which only its answers are known: no credentials are tried on
 * it, and its CPU is unknown. Throws `preflight-failed` unless it first answers one request as expected.
 */
export async function runOnTarget(options: TargetRunOptions): Promise<Run> {
  const { target, plan, signal } = options
  const startedAt = new Date().toISOString()
  await assertAnswers(target, plan, signal)
  const { pinning, warnings } = pinClient()
  try {
    const environment = readEnvironment(options.root, pinning)
    const arm = recordOf(target, plan)
    const run: Run = {
      schema: 1,
      measuringVersion,
      runId: options.runId(environment),
      command: [...options.command],
      mode: options.mode,
      startedAt,
      finishedAt: null,
      complete: false,
      incompleteReason: 'still measuring',
      seed: plan.request.seed,
      referenceDigest: referenceDigest(options.root),
      environment,
      arms: [arm],
      blocks: [],
      warnings: [...(options.warnings ?? []), ...warnings, unknownCpu],
    }
    options.save(run)
    const source = sourceOf(arm.id, target.endpoint)
    return await finishInto(run, options, (context) => measureOpen([source], plan, context))
  } finally {
    if (pinning !== null) unpinClient(pinning)
  }
}

async function assertAnswers(
  { url, endpoint }: UserTarget,
  { request: { timeoutMs } }: OpenMeasurePlan,
  signal: AbortSignal,
): Promise<void> {
  const once = {
    schedule: new Float64Array(1),
    connections: 1,
    maxConnections: 1,
    timeoutMs,
    signal,
  }
  const { answered, errors } = await runOpenLoop(endpoint, once)
  if (answered === 1) return
  const [why = `no answer within ${timeoutMs} ms`] = Object.keys(errors)
  throw new BenchError('preflight-failed', `${url}: ${why}; --expect-status says what is right`)
}

/** Somebody else's processes are neither started nor stopped: a block is a window with fresh connections. */
function sourceOf(id: string, endpoint: Endpoint): OpenArmSource {
  return {
    id,
    start: () =>
      Promise.resolve({
        id,
        died: new AbortController().signal,
        settle: () => Promise.resolve(),
        window: (request, signal) => measureTargetWindow(endpoint, request, signal),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  }
}

function recordOf({ url, endpoint }: UserTarget, { request }: OpenMeasurePlan): ArmRecord {
  const parameters = {
    target: url,
    status: String(endpoint.expect.status),
    connections: String(request.connections),
  }
  return {
    id: `target ${url}`,
    caseId: `target ${url}`,
    scenario: 'target',
    parameters,
    role: 'case',
    against: null,
    parts: [],
    source: { label: 'target', commit: null, dirty: null },
    requestDigest: createHash('sha256')
      .update(`GET ${endpoint.path} HTTP/1.1 accept`)
      .digest('hex'),
    responseDigest: null,
    outcome: 'skipped',
    reason: null,
    preflight: {
      controlsPassed: 1,
      tried: 0,
      refused: 0,
      recorded: 0,
      handlerCalls: 0,
      refusals: [],
    },
    warnings: [],
  }
}

const unknownCpu = {
  code: 'target',
  message: 'the target is not ours: its CPU is unknown, and no bad credential was tried on it',
  advice: 'npm run bench -- SCENARIO measures the reference servers with both',
}
