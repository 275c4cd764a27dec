import { decided, type Claim, type ClaimNumber, type Decision, type Windows } from './claim.ts'
import { byEvents, servedShare } from './claims-events.ts'

/** O8: what each mode of trust is worth while something that it rests on is broken. */
export const faultClaim: Claim = {
  id: 'O8',
  sentence: 'OAuth depends on its issuer; both together are the most resilient.',
  source: 'A',
  experiments: [],
  events: [
    'issuer-stops-jwt',
    'issuer-stops-opaque',
    'issuer-stops-combined',
    'issuer-stops-combined-opaque',
    'key-set-down-warm',
    'key-set-down-combined',
    'expire-ca-mtls',
    'expire-ca-combined',
    'clock-ahead',
    'clock-ahead-combined',
  ],
  decide: (_, windows) => decideResilience(windows),
}

/**
 * For each fault, the share that is served with tokens alone, with certificates alone, and with both. What
 * a mode does not rest on cannot fail it: 1, and said so.
 */
function decideResilience(windows: Windows): Decision {
  return byEvents(windows, names, (found) => {
    const rows = faults.map(({ label, tokens, certificates, both }) => ({
      label,
      tokens: tokens === null ? 1 : servedShare(found[tokens]),
      certificates: certificates === null ? 1 : servedShare(found[certificates]),
      restsNot: { tokens: tokens === null, certificates: certificates === null },
      both: servedShare(found[both]),
    }))
    const numbers = rows.flatMap((row) => [
      share(`${row.label}: tokens alone${unaffected(row.restsNot.tokens)}`, row.tokens),
      share(
        `${row.label}: certificates alone${unaffected(row.restsNot.certificates)}`,
        row.certificates,
      ),
      share(`${row.label}: both`, row.both),
    ])
    const dependsOnIssuer = rows.some(({ tokens }) => tokens < 1 - tolerance)
    const minima = rows.map(({ tokens, certificates }) => Math.min(tokens, certificates))
    const isMinimum = rows.every(({ both }, index) => both <= (minima[index] ?? 0) + tolerance)
    const isLower = rows.some(
      ({ both, tokens, certificates }) => both < Math.max(tokens, certificates) - tolerance,
    )
    const isBest = rows.every(
      ({ both, tokens, certificates }) => both >= Math.max(tokens, certificates) - tolerance,
    )
    if (isBest && dependsOnIssuer)
      return decided('supported', 'both together serve at least as much as either alone', numbers)
    if (isMinimum && isLower)
      return decided(
        'refuted',
        'both together serve the minimum of both: whatever stops either stops them',
        numbers,
      )
    return decided('undecided', 'neither the minimum of both nor the most', numbers)
  })
}

function unaffected(restsNot: boolean): string {
  return restsNot ? ' (not measured: they do not rest on it)' : ''
}

function share(label: string, value: number): ClaimNumber {
  return { label: `${label}, served`, unit: '%', value: Math.round(100 * value) }
}

/** Null: it has nothing to do with this fault. */
const faults = [
  {
    label: 'issuer stopped, JWTs',
    tokens: 'issuer-stops-jwt',
    certificates: null,
    both: 'issuer-stops-combined',
  },
  {
    label: 'issuer stopped, introspection',
    tokens: 'issuer-stops-opaque',
    certificates: null,
    both: 'issuer-stops-combined-opaque',
  },
  {
    label: 'key set down for longer than keys are trusted',
    tokens: 'key-set-down-warm',
    certificates: null,
    both: 'key-set-down-combined',
  },
  {
    label: 'CA of the clients expired',
    tokens: null,
    certificates: 'expire-ca-mtls',
    both: 'expire-ca-combined',
  },
  {
    label: "issuer's clock 1 s ahead",
    tokens: 'clock-ahead',
    certificates: null,
    both: 'clock-ahead-combined',
  },
] as const
const names = faults.flatMap(({ tokens, certificates, both }) => [
  ...(tokens === null ? [] : [tokens]),
  ...(certificates === null ? [] : [certificates]),
  both,
])
/** Some requests may be under way, and renewals of tokens fall as they may. */
const tolerance = 0.1
