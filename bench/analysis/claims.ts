import type { Claim } from './claim.ts'
import { abuseClaims } from './claims-abuse.ts'
import { connectionClaims } from './claims-connections.ts'
import { issuanceClaims } from './claims-issuance.ts'
import { operationClaims } from './claims-operation.ts'
import { performanceClaims } from './claims-performance.ts'
import { securityClaims } from './claims-security.ts'
import { tellingClaims } from './claims-telling.ts'

/** Every claim, in the order of its id. */
export const claims: readonly Claim[] = [
  ...performanceClaims,
  ...connectionClaims,
  ...operationClaims,
  ...securityClaims,
  ...issuanceClaims,
  ...abuseClaims,
  ...tellingClaims,
].toSorted((a, b) => rank(a.id) - rank(b.id))

/** A run that decides claims: the arguments of `bench`. */
export interface Experiment {
  readonly name: string
  readonly command: readonly string[]
  /** Too long for a quick look. */
  readonly isSlow?: true
}

/** Every experiment, by the name that claims have for it. */
export const experiments: readonly Experiment[] = [
  { name: 'combined', command: ['combined'] },
  {
    name: 'tokens',
    command: ['mtls', 'jwt', 'introspection', '--set', 'introspectionCache=off,60s'],
  },
  {
    name: 'hit-ratio',
    command: [
      ...['jwt', 'introspection', '--set', 'introspectionCache=60s'],
      ...['--set', 'tokenCache=on', '--set', 'hitRatio=0,1'],
    ],
  },
  {
    name: 'issuer-latency',
    command: [
      ...['jwt', 'introspection', '--set', 'issuerLatencyMs=0,5,50'],
      ...['--load', 'open', '--rate', '100', '--duration', '4s', '--blocks', '4'],
    ],
    isSlow: true,
  },
  {
    name: 'connections',
    command: [
      ...['tls', 'mtls', 'jwt', '--load', 'churn', '--policy', 'full,resumed'],
      ...['--requests-per-connection', '1,2,5,10,inf'],
    ],
  },
  {
    name: 'revocation-lists',
    command: [
      ...['mtls', '--set', 'crl=0,1k,20k,100k', '--load', 'churn', '--policy', 'full'],
      ...['--requests-per-connection', '1,inf'],
    ],
  },
  {
    name: 'ocsp',
    command: [
      ...['mtls', '--set', 'ocsp=off,on', '--gateway', 'nginx', '--load', 'churn'],
      ...['--policy', 'full', '--requests-per-connection', '1,inf'],
    ],
    isSlow: true,
  },
  {
    name: 'keys',
    command: [
      ...['tls', 'mtls', '--set', 'key=p256,p384,rsa2048,rsa4096,ed25519'],
      ...['--load', 'churn', '--policy', 'full', '--requests-per-connection', '1,inf'],
    ],
    isSlow: true,
  },
  {
    name: 'chains',
    command: [
      ...['mtls', '--set', 'chain=1,2,3', '--load', 'churn', '--policy', 'full'],
      ...['--requests-per-connection', '1,inf'],
    ],
    isSlow: true,
  },
  { name: 'token-size', command: ['jwt', '--set', 'tokenBytes=1024,8192'] },
  { name: 'proof-of-possession', command: ['dpop'] },
  {
    name: 'issuance',
    command: [
      ...['token-issuance', '--set'],
      'clientAuthentication=secret,private_key_jwt,tls_client_auth',
    ],
  },
  { name: 'names', command: ['mtls-san'] },
]

/** The command that reproduces an experiment. */
export function reproduce({ command }: Experiment): string {
  return `npm run bench -- ${command.join(' ')}`
}

function rank(id: string): number {
  return 'POSN'.indexOf(id.charAt(0)) * 100 + Number(id.slice(1))
}

/** Every experiment that a claim has use for. */
export function experimentsOf({ experiments: needed, also = [] }: Claim): Experiment[] {
  return experiments.filter(({ name }) => needed.includes(name) || also.includes(name))
}
