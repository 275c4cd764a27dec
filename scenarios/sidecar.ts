import {
  defineScenario,
  gatewayParameters,
  hopParameters,
  jwtParameters,
  revocationParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question:
    'What does a sidecar cost that takes a service by its certificate and a token bound to it, and passes it on (RFC 8705)?',
  server: 'bound-sidecar',
  tls: true,
  credentials: () => ({ certificate: true, token: 'jwt', bound: true }),
  parameters: {
    ...hopParameters,
    ...revocationParameters,
    ...jwtParameters,
    ...gatewayParameters,
  },
  baseline: 'tls',
  parts: () => ['combined'],
  hops: [
    {
      name: 'sidecar',
      program: 'bound-sidecar',
      peers: 'clients',
      token: 'jwt',
      brings: 'nothing',
    },
    { name: 'service', program: 'http', peers: 'plain', token: 'none', brings: null },
  ],
  // A token bound to a certificate (J22) is the good one here.
  refuses: ({ chain, alg }) => [
    ...['T*', 'M*', 'J*', '!J22', 'C*'],
    // A shared secret has no name that could be an unknown one.
    ...(alg === 'HS256' ? ['!J8'] : []),
    // A chain of one certificate has no intermediate to leave out.
    ...(chain === '1' ? ['!M14'] : []),
  ],
  records: () => ['M11b', 'M16', 'J23'],
})
