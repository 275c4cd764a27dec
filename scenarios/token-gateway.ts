import {
  defineScenario,
  gatewayParameters,
  hopParameters,
  jwtParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question:
    'What does a gateway cost that knows clients by token, with mutual TLS to a sidecar that checks the token again?',
  server: 'token-gateway',
  tls: true,
  credentials: () => ({ certificate: false, token: 'jwt', bound: false }),
  parameters: { ...hopParameters, ...jwtParameters, ...gatewayParameters },
  baseline: 'tls',
  parts: () => ['jwt', 'mtls'],
  hops: [
    {
      name: 'gateway',
      program: 'token-gateway',
      peers: 'nobody',
      token: 'jwt',
      brings: 'certificate-and-token',
    },
    {
      name: 'sidecar',
      program: 'mesh-sidecar',
      peers: 'gateway',
      token: 'jwt',
      brings: 'nothing',
    },
    { name: 'service', program: 'http', peers: 'plain', token: 'none', brings: null },
  ],
  // A shared secret has no name that could be an unknown one (J8).
  refuses: ({ alg }) => ['T*', 'J*', ...(alg === 'HS256' ? ['!J8'] : [])],
  records: () => ['J23'],
})
