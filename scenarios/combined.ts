import {
  callerParameters,
  defineScenario,
  gatewayParameters,
  introspectionParameters,
  jwtParameters,
  revocationParameters,
  tlsParameters,
  tokenPoolParameters,
} from '../bench/scenario.ts'

export const scenario = defineScenario({
  question: 'What does mutual TLS with a certificate-bound access token cost (RFC 8705)?',
  server: 'combined',
  tls: true,
  credentials: ({ token }) => ({
    certificate: true,
    token: token === 'opaque' ? 'opaque' : 'jwt',
    bound: true,
  }),
  parameters: {
    ...tlsParameters,
    ...callerParameters,
    ...revocationParameters,
    ...jwtParameters,
    ...introspectionParameters,
    ...tokenPoolParameters,
    ...gatewayParameters,
    token: { describe: 'form of the access token', default: 'jwt', values: ['jwt', 'opaque'] },
  },
  baseline: 'tls',
  parts: ({ token }) => ['mtls', token === 'opaque' ? 'introspection' : 'jwt'],
  // A token bound to a certificate (J22) is the good one here.
  refuses: ({ token, chain, alg }) => [
    ...['T*', 'M*', token === 'opaque' ? 'I*' : 'J*', '!J22', 'C*'],
    // A shared secret has no name that could be an unknown one.
    ...(alg === 'HS256' && token !== 'opaque' ? ['!J8'] : []),
    // A chain of one certificate has no intermediate to leave out.
    ...(chain === '1' ? ['!M14'] : []),
  ],
  records: () => ['M11b', 'M16', 'J23', 'I4'],
  verify: [{ token: 'jwt' }, { token: 'opaque' }],
})
