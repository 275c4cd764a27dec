import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { AccessToken, ClientIdentity, Exchange } from './guard.ts'

/** The caller of a good request, as the guards before have established it. */
export const goodToken: AccessToken = {
  clientId: 'acme-billing',
  scopes: ['payments:read', 'payments:write'],
  orgId: 'acme',
  confirmation: undefined,
}

/** The identity of a good certificate. */
export const goodCertificate: ClientIdentity = {
  uri: 'spiffe://trustbench.test/acme/billing',
  orgId: 'acme',
  thumbprint: 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2',
}

/** An exchange for a read of tenant `acme`: no socket, no server. */
export function exchange({
  token = null,
  certificate = null,
  rawHeaders = [],
  url = '/v1/orgs/acme/payments/pay_1001',
  orgId = 'acme',
  scope = 'payments:read',
}: Partial<Exchange['caller'] & Exchange['requires']> & {
  rawHeaders?: string[]
  url?: string
} = {}): Exchange {
  const request = new IncomingMessage(new Socket())
  request.rawHeaders = rawHeaders
  request.url = url
  return { request, requires: { scope, orgId }, caller: { token, certificate } }
}
