import { decided, type Claim } from './claim.ts'
import { notYet } from './claims-performance.ts'

/** Claims about running it, O1 to O9, and those that no laboratory can decide. */
export const operationClaims: readonly Claim[] = [
  ...notYet([
    ['O1', 'Credentials rotate without outages.', 'B'],
    ['O2', 'mTLS fails when certificates expire or rotation breaks.', 'A'],
    ['O3', 'OAuth can revoke, mTLS has nothing of its own for it.', 'B'],
    ['O4', 'Introspection revokes tokens instantly.', 'B'],
    ['O5', 'Short lifetimes mitigate leakage.', 'A, B'],
    ['O6', 'OAuth tells why it refuses, mTLS hardly.', 'B'],
    ['O7', 'OAuth is simple to deploy, mTLS is not.', 'A, B'],
    ['O8', 'OAuth depends on its issuer; both together are the most resilient.', 'A'],
    ['O9', 'The sprawl of certificates is the bottleneck.', 'B'],
  ]),
  ...(
    [
      ['N1', 'Partners are on board sooner.'],
      ['N2', 'There are fewer outages.'],
      ['N3', 'Operations keep their sanity.'],
    ] as const
  ).map(([id, sentence]): Claim => ({
    id,
    sentence,
    source: 'B',
    experiments: [],
    decide: () => decided('not testable', 'no laboratory can tell'),
  })),
]
