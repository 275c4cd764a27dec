import { defineScenario, loadParameters } from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does bare node:https cost here and now: the scale across days and machines?',
  server: 'reference',
  tls: true,
  credentials: () => ({ certificate: false, token: 'none', bound: false }),
  parameters: { ...loadParameters },
  baseline: null,
  parts: () => [],
  refuses: () => ['T*'],
  records: () => [],
})
