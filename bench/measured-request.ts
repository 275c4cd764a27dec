import type { ScenarioDefinition } from './scenario.ts'

/** What a client of an arm asks for, and the answer that is right. */
export interface MeasuredRequest {
  readonly method: 'GET'
  readonly path: string
  /** Without those of its credentials. */
  readonly headers: Readonly<Record<string, string>>
  readonly status: number
  readonly body: Buffer
}

/** The request of every arm, by a client of this tenant. */
export function measuredRequest(
  scenario: Pick<ScenarioDefinition, 'parameters'>,
  { orgId = 'acme', bodyBytes }: { readonly orgId?: string; readonly bodyBytes: number },
): MeasuredRequest {
  return {
    method: 'GET',
    path: pathOf(orgId),
    headers: { accept: 'application/json' },
    status: 200,
    body: expectedBody(orgId, bodyBytes, scenario),
  }
}

/** The payment, with a note where its scenario takes `bodyBytes` and they are more. */
function expectedBody(
  orgId: string,
  bodyBytes: number,
  { parameters }: Pick<ScenarioDefinition, 'parameters'>,
): Buffer {
  const payment = paymentOf(orgId)
  const note = ',"note":""}'
  const missing = bodyBytes - (payment.length - 1 + note.length)
  if (missing <= 0 || parameters['bodyBytes'] === undefined) return Buffer.from(payment)
  return Buffer.from(`${payment.slice(0, -1)},"note":"${'x'.repeat(missing)}"}`)
}

function pathOf(orgId: string): string {
  return `/v1/orgs/${orgId}/payments/pay_1001`
}

// What a client expects, stated here once more and not imported: a server that changes it must fail.
function paymentOf(orgId: string): string {
  return `{"id":"pay_1001","org_id":"${orgId}","amount":"129.95","currency":"EUR","state":"settled"}`
}

/** Path of the request of the one good client. */
export const measuredPath = pathOf('acme')
