import { defineScenario, jwtParameters, tlsParameters } from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does it cost to validate a JWT access token locally on every request (RFC 9068)?',
  server: 'jwt',
  tls: true,
  credentials: () => ({ certificate: false, token: 'jwt', bound: false }),
  parameters: { ...tlsParameters, ...jwtParameters },
  baseline: 'tls',
  parts: () => [],
  refuses: () => ['T*', 'J*'],
  records: () => ['J23'],
})
