import type { Preflight } from '../results.ts'
import { decided, depending, type Claim, type Decision, type Evidence } from './claim.ts'
import { difference, preflightOf, refusedIds, totalCpu } from './claim-figures.ts'
import { theftClaims } from './claims-theft.ts'

/** Claims about what is refused, S1 to S11. */
export const securityClaims: readonly Claim[] = [
  ...theftClaims,
  {
    id: 'S5',
    sentence: 'Binding tokens, and proofs of possession, mitigate theft.',
    source: 'A',
    experiments: ['proof-of-possession', 'combined'],
    decide: (evidence) => decideBinding(evidence),
  },
  {
    id: 'S6',
    sentence: 'mTLS is binary: whoever is trusted may do everything.',
    source: 'A, B',
    experiments: ['names'],
    decide: (evidence) => decideBinaryTrust(evidence),
  },
  {
    id: 'S7',
    sentence: 'mTLS ends implicit trust between services.',
    source: 'A',
    experiments: ['names'],
    decide: (evidence) => decideOtherService(evidence),
  },
  {
    id: 'S8',
    sentence: 'Nobody gets in between.',
    source: 'A',
    experiments: ['combined'],
    decide: (evidence) => decideImpostors(evidence),
  },
  {
    id: 'S9',
    sentence: 'Both together are the most secure.',
    source: 'A, B',
    experiments: ['combined'],
    decide: (evidence) => decideMostSecure(evidence),
  },
  {
    id: 'S11',
    sentence: 'Scopes give least privilege, and the organisation in the token keeps tenants apart.',
    source: 'A, B',
    experiments: ['combined'],
    decide: (evidence) => decideLeastPrivilege(evidence),
  },
]

/** Whether all these ids were tried and refused; null where one was not tried. */
function allRefused(preflight: Preflight | null, ids: readonly string[]): boolean | null {
  if (preflight === null) return null
  const refused = refusedIds(preflight)
  const outcomes = ids.map((id) => refused.get(id))
  return outcomes.includes(undefined) ? null : outcomes.every((passed) => passed === true)
}

function counted(label: string, { refused, tried }: Preflight) {
  return [
    { label: `${label}: refused`, unit: '' as const, value: refused },
    { label: `${label}: tried`, unit: '' as const, value: tried },
  ]
}

/** The decision that follows from ids which must all have been refused. */
function byRefusals(
  preflight: Preflight | null,
  ids: readonly string[],
  words: { readonly refused: string; readonly accepted: string },
): Decision {
  const outcome = allRefused(preflight, ids)
  if (outcome === null || preflight === null)
    return decided('not measured', `not all of ${ids.join(', ')} were tried`)
  const numbers = [{ label: ids.join(', '), unit: 'of' as const, value: ids.length }]
  return outcome
    ? decided('supported', words.refused, numbers)
    : decided('refuted', words.accepted, numbers)
}

function decideBinding(evidence: Evidence): Decision {
  const [pop, both] = [evidence.get('proof-of-possession'), evidence.get('combined')]
  if (pop === undefined || both === undefined) return decided('not measured', 'no run')
  const refusals = byRefusals(
    preflightOf(pop, 'dpop'),
    ['D1', 'D5', 'D7', 'D8', 'D9', 'D10', 'D11', 'D12', 'D13'],
    {
      refused: 'a stolen token is refused without the key that it is bound to',
      accepted: 'a proof that must be refused was accepted',
    },
  )
  const certificate = allRefused(preflightOf(both, 'combined'), ['C1', 'C3', 'C5', 'C6'])
  const cost = difference(totalCpu(pop, 'dpop'), totalCpu(pop, 'jwt'))
  if (refusals.verdict !== 'supported') return refusals
  if (certificate !== true)
    return decided(
      certificate === null ? 'not measured' : 'refuted',
      'certificate-bound tokens: a theft was not refused',
    )
  return {
    ...refusals,
    numbers: [
      ...refusals.numbers,
      ...(cost === null
        ? []
        : [
            {
              label: 'a proof at every request, over a JWT alone',
              unit: 'µs' as const,
              value: cost,
            },
          ]),
    ],
  }
}

function decideBinaryTrust(evidence: Evidence): Decision {
  const run = evidence.get('names')
  if (run === undefined) return decided('not measured', 'no run')
  const outcome = allRefused(preflightOf(run, 'mtls-san'), ['M12'])
  if (outcome === null) return decided('not measured', 'M12 was not tried')
  const cost = difference(totalCpu(run, 'mtls-san'), totalCpu(run, 'mtls'))
  const numbers =
    cost === null
      ? []
      : [
          {
            label: 'rights by the name in the certificate, over a list',
            unit: 'µs' as const,
            value: cost,
          },
        ]
  return outcome
    ? decided('refuted', 'rights by the URI in a certificate are told apart by service', numbers)
    : decided('supported', 'a certificate of another service was let in', numbers)
}

function decideOtherService(evidence: Evidence): Decision {
  const run = evidence.get('names')
  if (run === undefined) return decided('not measured', 'no run')
  const outcomes = ['mtls', 'mtls-san'].map((name) => allRefused(preflightOf(run, name), ['M12']))
  if (outcomes.includes(null)) return decided('not measured', 'M12 was not tried')
  if (outcomes.includes(false))
    return decided('refuted', 'a valid certificate of another service was let in')
  return depending(
    { variable: 'names in certificates are authorised', value: null },
    'a valid certificate of another service is refused because these servers check its name; the handshake alone takes it',
  )
}

function decideImpostors(evidence: Evidence): Decision {
  const run = evidence.get('combined')
  return byRefusals(
    run === undefined ? null : preflightOf(run, 'combined'),
    ['T1', 'T2', 'T3', 'T4', 'T5', 'T6'],
    {
      refused: 'clients abort before any request at impostors of every kind',
      accepted: 'a client talked to an impostor',
    },
  )
}

function decideMostSecure(evidence: Evidence): Decision {
  const run = evidence.get('combined')
  const [combined, mtls, jwt] = ['combined', 'mtls', 'jwt'].map((name) =>
    run === undefined ? null : preflightOf(run, name),
  )
  if (!combined || !mtls || !jwt) return decided('not measured', 'no run of all three')
  const refused = refusedIds(combined)
  // A bound token at a server that takes bearer tokens only (J22) is the good one there.
  const ids = [...refusedIds(mtls).keys(), ...refusedIds(jwt).keys()].filter((id) => id !== 'J22')
  const missing = [...new Set(ids)].filter((id) => refused.get(id) !== true)
  const numbers = [
    ...counted('combined', combined),
    ...counted('mtls', mtls),
    ...counted('jwt', jwt),
  ]
  return missing.length === 0
    ? decided('supported', 'it refuses all that either refuses, and more', numbers)
    : decided('refuted', `it lets in ${missing.join(', ')}`, numbers)
}

function decideLeastPrivilege(evidence: Evidence): Decision {
  const run = evidence.get('combined')
  return byRefusals(run === undefined ? null : preflightOf(run, 'jwt'), ['J15', 'J16'], {
    refused: 'another scope and another tenant are refused with 403, always',
    accepted: 'another scope or tenant was let in',
  })
}
