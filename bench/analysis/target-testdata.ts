import type { ArmRecord, Run } from '../results.ts'
import { syntheticRun, type SyntheticArm } from './testdata.ts'

/** A run on targets whose CPU is not known: an arm of each label, at so many µs a request. */
export function targetRun(
  costs: Readonly<Record<string, number>>,
  options: { readonly seed?: number; readonly blocks?: number } = {},
): Run {
  const labels = Object.keys(costs)
  const [first] = labels
  const arms = Object.entries(costs).map(([label, cpuUs]): SyntheticArm => ({
    scenario: 'target',
    id: label,
    parameters: { target: label },
    cpuUs,
    ...(label === first || first === undefined ? {} : { against: first }),
  }))
  const run = syntheticRun({ arms, blockSd: 0.002, sliceSd: 0.01, ...options })
  return {
    ...run,
    arms: run.arms.map((arm) => ({ ...arm, target: factsOf(arm.id) })),
    blocks: run.blocks.map((block) => ({
      ...block,
      slices: block.slices.map((slice) => ({
        ...slice,
        cpuUs: null,
        eventLoopUtilization: null,
        gcUs: null,
        rssBytes: null,
      })),
    })),
  }
}

function factsOf(label: string): NonNullable<ArmRecord['target']> {
  return {
    url: `https://${label}.example/pay`,
    method: 'GET',
    expectedStatuses: [200],
    tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
    cap: null,
    cpu: 'unknown',
    tokens: null,
  }
}
