import { defineScenario, jwtParameters, tlsParameters } from '../bench/scenario.ts'

export const scenario = defineScenario({
  question:
    'What does it cost to bind a token to a key instead of a certificate, with a proof at every request (RFC 9449)?',
  server: 'dpop',
  tls: true,
  credentials: () => ({ certificate: false, token: 'jwt', bound: false, proof: true }),
  parameters: { ...tlsParameters, ...jwtParameters },
  baseline: 'tls',
  parts: () => ['jwt'],
  // A token that is bound (J22) is the good one here.
  refuses: ({ alg }) => ['T*', 'J*', '!J22', 'D*', ...(alg === 'HS256' ? ['!J8'] : [])],
  records: () => ['J23'],
})
