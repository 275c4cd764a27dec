import {
  defineScenario,
  gatewayParameters,
  loadParameters,
  serverParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does the payments API cost without any trust: the floor?',
  server: 'http',
  tls: false,
  credentials: () => ({ certificate: false, token: 'none', bound: false }),
  parameters: { ...loadParameters, ...serverParameters, ...gatewayParameters },
  baseline: null,
  parts: () => [],
  refuses: () => [],
  records: () => [],
})
