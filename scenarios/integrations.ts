import {
  defineScenario,
  jwtParameters,
  partnerParameters,
  revocationParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question:
    'What does an API cost with fifty and more partners, each with its own scopes, quota and line in the audit trail?',
  server: 'integrations',
  tls: true,
  credentials: ({ credential }) => ({
    certificate: credential === 'certificate',
    token: credential === 'certificate' ? 'none' : 'jwt',
    bound: false,
    partners: true,
  }),
  parameters: { ...partnerParameters, ...revocationParameters, ...jwtParameters },
  baseline: 'tls',
  parts: ({ credential }) => [credential === 'certificate' ? 'mtls' : 'jwt'],
  refuses: ({ credential, chain, alg }) =>
    credential === 'certificate'
      ? // A chain of one certificate has no intermediate to leave out (M14).
        ['T*', 'M*', ...(chain === '1' ? ['!M14'] : [])]
      : // A shared secret has no name that could be an unknown one (J8).
        ['T*', 'J*', ...(alg === 'HS256' ? ['!J8'] : [])],
  records: ({ credential }) => (credential === 'certificate' ? ['M11b', 'M16'] : ['J23']),
  verify: [{ credential: 'token' }, { credential: 'certificate' }],
})
