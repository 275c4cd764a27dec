import { decided, depending, type Claim, type Decision, type Windows } from './claim.ts'
import { byEvents, failedNumber } from './claims-events.ts'
import { milliseconds } from './claims-performance.ts'

/** O1: whether credentials change while requests go on. */
export const rotationClaim: Claim = {
  id: 'O1',
  sentence: 'Credentials rotate without outages.',
  source: 'B',
  experiments: [],
  events: [
    'rotate-client-secret',
    'rotate-signing-key',
    'rotate-client-certificate',
    'rotate-client-certificate-bound',
    'rotate-server-certificate-new',
    'rotate-server-certificate-live',
    'rotate-ca',
    'rotate-client-secret-at-once',
    'rotate-signing-key-unpublished',
    'rotate-client-certificate-first',
  ],
  decide: (_, windows) => decideRotation(windows),
}

function decideRotation(windows: Windows): Decision {
  const all = [...inOrder, ...outOfOrder] as const
  return byEvents(windows, all, (found) => {
    const failures = (names: readonly (typeof all)[number][]) =>
      names.filter((name) => found[name].failedFromStart > 0)
    const numbers = all.flatMap((name) => {
      const label = labels[name]
      const { failedForMs } = found[name]
      return failedForMs === 0
        ? [failedNumber(label, found[name])]
        : [failedNumber(label, found[name]), milliseconds(`${label}: for`, failedForMs)]
    })
    const broken = failures(inOrder)
    if (broken.length > 0)
      return decided(
        'refuted',
        `requests failed though the steps were in order: ${broken.join(', ')}`,
        numbers,
      )
    if (failures(outOfOrder).length === 0)
      return decided('supported', 'no request failed, whatever the order of the steps', numbers)
    return depending(
      { variable: 'order of the steps', value: null },
      'no request fails where the new credential is accepted before the first use of it, and the old one until after its last; each short cut is an outage',
      numbers,
    )
  })
}

/** The new one is accepted before it is used, the old one as long as it may be. */
const inOrder = [
  'rotate-client-secret',
  'rotate-signing-key',
  'rotate-client-certificate',
  'rotate-client-certificate-bound',
  'rotate-server-certificate-new',
  'rotate-server-certificate-live',
  'rotate-ca',
] as const

/** A step too early. */
const outOfOrder = [
  'rotate-client-secret-at-once',
  'rotate-signing-key-unpublished',
  'rotate-client-certificate-first',
] as const

const labels: Readonly<Record<(typeof inOrder)[number] | (typeof outOfOrder)[number], string>> = {
  'rotate-client-secret': 'client secret, two good for a while',
  'rotate-signing-key': 'signing key, published first',
  'rotate-client-certificate': 'client certificate',
  'rotate-client-certificate-bound': 'client certificate, with a token bound to it',
  'rotate-server-certificate-new': 'server certificate, new connections',
  'rotate-server-certificate-live': 'server certificate, a live connection',
  'rotate-ca': 'CA, both trusted for a while',
  'rotate-client-secret-at-once': 'client secret, replaced at once',
  'rotate-signing-key-unpublished': 'signing key, published 1 s after its first use',
  'rotate-client-certificate-first': 'client certificate, its bound token 0.5 s later',
}
