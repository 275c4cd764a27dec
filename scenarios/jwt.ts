import {
  callerParameters,
  defineScenario,
  gatewayParameters,
  jwtParameters,
  tlsParameters,
  tokenPoolParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does it cost to validate a JWT access token locally on every request (RFC 9068)?',
  server: 'jwt',
  tls: true,
  credentials: () => ({ certificate: false, token: 'jwt', bound: false }),
  parameters: {
    ...tlsParameters,
    ...callerParameters,
    ...jwtParameters,
    ...tokenPoolParameters,
    ...gatewayParameters,
  },
  baseline: 'tls',
  parts: () => [],
  // A shared secret has no name that could be an unknown one (J8).
  refuses: ({ alg }) => ['T*', 'J*', ...(alg === 'HS256' ? ['!J8'] : [])],
  records: () => ['J23'],
  verify: [
    {},
    { verifier: 'node' },
    { verifier: 'fast-jwt' },
    { tokenCache: 'on' },
    { alg: 'HS256' },
  ],
})
