import {
  defineScenario,
  gatewayParameters,
  hopParameters,
  jwtParameters,
  revocationParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question:
    'What does a gateway cost that knows clients by certificate and calls the service with an access token of its own?',
  server: 'mtls-gateway',
  tls: true,
  credentials: () => ({ certificate: true, token: 'none', bound: false }),
  parameters: {
    ...hopParameters,
    ...revocationParameters,
    ...jwtParameters,
    ...gatewayParameters,
  },
  baseline: 'tls',
  parts: () => ['mtls', 'jwt'],
  hops: [
    {
      name: 'gateway',
      program: 'mtls-gateway',
      peers: 'clients',
      token: 'none',
      brings: 'own-token',
    },
    { name: 'service', program: 'jwt', peers: 'nobody', token: 'jwt', brings: null },
  ],
  // A chain of one certificate has no intermediate to leave out (M14).
  refuses: ({ chain }) => ['T*', 'M*', ...(chain === '1' ? ['!M14'] : [])],
  records: () => ['M11b', 'M16'],
})
