import {
  defineScenario,
  gatewayParameters,
  introspectionParameters,
  tlsParameters,
  tokenPoolParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does it cost to ask the authorization server about every token (RFC 7662)?',
  server: 'introspection',
  tls: true,
  credentials: () => ({ certificate: false, token: 'opaque', bound: false }),
  parameters: {
    ...tlsParameters,
    ...introspectionParameters,
    ...tokenPoolParameters,
    ...gatewayParameters,
  },
  baseline: 'tls',
  parts: () => [],
  refuses: () => ['T*', 'I*', 'J1', 'J19', 'J20', 'J21', 'J22'],
  records: () => ['I4'],
  verify: [{ introspectionCache: 'off' }, { introspectionCache: '5s' }],
})
