import {
  callerParameters,
  defineScenario,
  gatewayParameters,
  ocspParameters,
  revocationParameters,
  tlsParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does mutual TLS cost, where a certificate is the whole identity?',
  server: 'mtls',
  tls: true,
  credentials: () => ({ certificate: true, token: 'none', bound: false }),
  parameters: {
    ...tlsParameters,
    ...callerParameters,
    ...revocationParameters,
    ...gatewayParameters,
    ...ocspParameters,
  },
  baseline: 'tls',
  parts: () => [],
  // A chain of one certificate has no intermediate to leave out (M14).
  refuses: ({ chain }) => ['T*', 'M*', ...(chain === '1' ? ['!M14'] : [])],
  records: () => ['M11b', 'M16'],
})
