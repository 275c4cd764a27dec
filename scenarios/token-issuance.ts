import { clientAuthenticationOf, defineScenario, issuanceParameters } from '../bench/scenario.ts'

export const scenario = defineScenario({
  question:
    'What does it cost the authorization server to issue an access token (RFC 6749, RFC 7523, RFC 8705)?',
  server: 'authorization',
  tls: true,
  credentials: (parameters) => {
    const issuance = clientAuthenticationOf(parameters)
    return {
      certificate: issuance === 'tls_client_auth',
      token: 'none',
      bound: false,
      issuance,
    }
  },
  parameters: { ...issuanceParameters },
  baseline: null,
  parts: () => [],
  // How it refuses clients is tested with the server itself: there are no ids for it.
  refuses: () => ['T*'],
  records: () => [],
  verify: [
    { clientAuthentication: 'secret' },
    { clientAuthentication: 'private_key_jwt' },
    { clientAuthentication: 'tls_client_auth' },
  ],
})
