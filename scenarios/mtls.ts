import { defineScenario, tlsParameters } from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does mutual TLS cost, where a certificate is the whole identity?',
  server: 'mtls',
  tls: true,
  credentials: () => ({ certificate: true, token: 'none', bound: false }),
  parameters: { ...tlsParameters },
  baseline: 'tls',
  parts: () => [],
  refuses: () => ['T*', 'M*'],
  records: () => ['M11b', 'M16'],
})
