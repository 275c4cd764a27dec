import { defineScenario, gatewayParameters, tlsParameters } from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does TLS cost, where only the server proves who it is?',
  server: 'tls',
  tls: true,
  credentials: () => ({ certificate: false, token: 'none', bound: false }),
  parameters: { ...tlsParameters, ...gatewayParameters },
  baseline: 'http',
  parts: () => [],
  refuses: () => ['T*'],
  records: () => [],
})
