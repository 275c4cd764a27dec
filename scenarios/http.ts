import { defineScenario, loadParameters } from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does the payments API cost without any trust: the floor?',
  server: 'http',
  tls: false,
  credentials: () => ({ certificate: false, token: 'none', bound: false }),
  parameters: { ...loadParameters },
  baseline: null,
  parts: () => [],
  refuses: () => [],
  records: () => [],
})
