import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { decodeJwt } from 'jose'
import * as oauth from 'openid-client'
import { createAuthorizationBed, secrets } from './authorization-testbed.ts'
import { resources, type SigningAlgorithm } from './config.ts'

const bed = await createAuthorizationBed()
after(() => bed[Symbol.asyncDispose]())

for (const algorithm of [
  'ES256',
  'RS256',
  'EdDSA',
] as const satisfies readonly SigningAlgorithm[]) {
  describe(`tokens by ${algorithm}`, () => {
    for (const tokenBytes of [1_024, 4_096]) {
      test(`are ${tokenBytes} bytes long, or up to three more, and say the same`, async () => {
        const databaseFile = `${bed.authorization.databaseFile}-${algorithm}-${tokenBytes}`
        await using server = await bed.start({ algorithm, tokenBytes, databaseFile })
        const client = await server.connect('secret', {
          by: oauth.ClientSecretBasic(secrets.secret),
        })
        const { access_token: token } = await oauth.clientCredentialsGrant(client, {
          resource: resources.jwt,
          scope: 'payments:read',
        })
        const over = token.length - tokenBytes
        assert.ok(over >= 0 && over <= 3, `${token.length} bytes`)
        const { padding, ...claims } = decodeJwt<{ padding: string }>(token)
        assert.match(padding, /^x+$/)
        assert.equal(claims['client_id'], 'secret')
      })
    }
  })
}

test('a token that is longer anyway stays as it is', async () => {
  const databaseFile = `${bed.authorization.databaseFile}-short`
  await using server = await bed.start({ tokenBytes: 100, databaseFile })
  const client = await server.connect('secret', { by: oauth.ClientSecretBasic(secrets.secret) })
  const { access_token: token } = await oauth.clientCredentialsGrant(client, {
    resource: resources.jwt,
    scope: 'payments:read',
  })
  assert.ok(!('padding' in decodeJwt(token)))
})
