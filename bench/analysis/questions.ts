import type { Run } from '../results.ts'
import type { ClaimNumber, Windows } from './claim.ts'
import { armOf, combine, difference, handshakeCpu, over, valuesOf } from './claim-figures.ts'
import {
  byRun,
  crossings,
  delays,
  number,
  ofEach,
  overBaseline,
  storms,
  twins,
} from './question-answers.ts'
import { armsBy, hasChurnOf, pairsBy, resumedShares } from './question-figures.ts'

/** What people ask and nobody answers with numbers, and where they ask. */
export interface Question {
  readonly id: string
  readonly text: string
  readonly asked: string
  /** What others publish, with its source; never ours. */
  readonly published?: string
  /** What measures it. */
  readonly command: string
  /** Numbers of the newest run that has them; empty where none has. */
  readonly answer: (runs: readonly Run[], windows: Windows) => ClaimNumber[]
}

/** A question with its answer by stored runs. */
export interface AnsweredQuestion extends Omit<Question, 'answer'> {
  readonly numbers: readonly ClaimNumber[]
}

/** Answers by runs of one machine and source, newest first; not measured where `numbers` is empty. */
export function answerQuestions(runs: readonly Run[], windows: Windows): AnsweredQuestion[] {
  return questions.map(({ answer, ...question }) => ({
    ...question,
    numbers: answer(runs, windows),
  }))
}

const perCoreSecond = 1e6

/** The questions of users that anchors.md collects, in its order. */
const questions: readonly Question[] = [
  {
    id: 'tls-latency',
    text: 'What does TLS cost against none, in latency?',
    asked: 'istio #26200',
    command: 'npm run bench -- tls',
    answer: byRun((run) => overBaseline(run, armOf(run, 'tls'), 'TLS less none')),
  },
  {
    id: 'plaintext-slower',
    text: 'Why does plaintext sometimes look slower than mTLS? What two identical servers differ by is what no benchmark can tell apart.',
    asked: 'istio #22416',
    published: 'Istio 1.24 tells p50 4.74 ms with mTLS, 4.21 ms without (istio #22416)',
    command: 'npm run bench -- tls --against tls',
    answer: byRun(twins),
  },
  {
    id: 'connection-or-call',
    text: 'Authenticate once per connection, or once per call?',
    asked: 'dsx infra-controller #4388',
    command: 'npm run bench -- tls mtls jwt --load churn',
    answer: byRun(crossings),
  },
  {
    id: 'token-cache',
    text: 'Does a cache of verified tokens pay?',
    asked: 'kgateway #14682, tilegroxy #827, spring-security #12830',
    published: 'fast-jwt on an M1 Pro: 57 µs for RS512, 1.9 µs cached',
    command: 'npm run bench -- jwt --set tokenCache=off,on',
    answer: byRun((run) =>
      pairsBy(run, 'jwt', 'tokenCache', ['on', 'off']).flatMap(([on, off, rest]) =>
        number(
          `cached less not cached${rest}, CPU per request where every token is known`,
          'µs',
          difference(valuesOf(run, on, 'cpuUsPerRequest'), valuesOf(run, off, 'cpuUsPerRequest')),
        ),
      ),
    ),
  },
  {
    id: 'introspection-ttl',
    text: 'What does the TTL of an introspection cache do to revocation?',
    asked: 'fastmcp #3285',
    command: 'npm run claims -- O4',
    answer: (_, windows) => delays(windows),
  },
  {
    id: 'introspection-budget',
    text: 'Introspection at each request is too slow: what is its budget?',
    asked: 'zitadel #6462',
    published: 'Zitadel: median 781 ms (#6462); Hydra in memory: 21,169 introspections/s',
    command: 'npm run bench -- introspection',
    answer: byRun((run) => {
      const arm = armOf(run, 'introspection', { introspectionCache: 'off' })
      return [
        ...overBaseline(run, arm, 'introspection less TLS'),
        ...number(
          'CPU of the authorization server per request',
          'µs',
          over(valuesOf(run, arm, 'issuerCpuUsPerRequest')),
        ),
      ]
    }),
  },
  {
    id: 'algorithm',
    text: 'Which signature algorithm, which key size?',
    asked: 'krakend-ce #390',
    published: 'Envoy, RS256: about 21 µs (kgateway #14682)',
    command: 'npm run bench -- jwt --set alg=ES256,ES384,RS256,PS256,EdDSA',
    answer: byRun((run) => ofEach(run, armsBy(run, 'jwt', 'alg'), 'server CPU per request')),
  },
  {
    id: 'library',
    text: 'Is my JWT library misconfigured, or just slow?',
    asked: 'jsonwebtoken #966',
    published: 'fast-jwt’s own table on an M1 Pro: jose 77 µs for RS512',
    command: 'npm run bench -- jwt --set verifier=jose,node,fast-jwt',
    answer: byRun((run) => ofEach(run, armsBy(run, 'jwt', 'verifier'), 'server CPU per request')),
  },
  {
    id: 'storm',
    text: 'When all clients reconnect at once, how many more cores does it take?',
    asked: 'nats-server #2573, valkey #4308',
    command: 'npm run bench -- mtls --load churn --storm 10,100',
    answer: byRun(storms),
  },
  {
    id: 'rsa-or-ecdsa',
    text: 'RSA or ECDSA certificates?',
    asked: 'haproxy #2242',
    published: 'HAProxy: ECDSA up to 15 times RSA-2048, 1,000 to 2,000 handshakes/s/core',
    command:
      'npm run bench -- tls --set key=p256,rsa2048 --load churn --policy full --requests-per-connection 1,inf',
    answer: byRun((run) =>
      armsBy(run, 'tls', 'key').flatMap(([value, arm]) =>
        number(
          `${value}: server CPU per new connection`,
          'µs',
          over(handshakeCpu(run, arm, 'full')),
        ),
      ),
    ),
  },
  {
    id: 'rotation',
    text: 'Can keys and certificates rotate without a restart?',
    asked: 'node #4464',
    command: 'npm run claims -- O1',
    answer: (_, windows) =>
      [...windows.values()]
        .filter(({ name }) => name.startsWith('rotate'))
        .map(({ name, refusedAfter }) => ({
          label: `${name}: requests not served after it`,
          unit: '',
          value: refusedAfter,
        })),
  },
  {
    id: 'resumption',
    text: 'Does session resumption work, and is the client still authenticated?',
    asked: 'node #60847, #35317',
    command: 'npm run bench -- mtls --load churn --policy full,resumed',
    answer: byRun((run) =>
      hasChurnOf(run, 'resumed').flatMap((arm) => [
        ...number(
          `${arm.scenario}: share of handshakes resumed where clients offer a session`,
          '%',
          over(combine([resumedShares(run, arm)], ([share = 0]) => share * 100)),
        ),
        ...(arm.preflight === null
          ? []
          : [
              {
                label: `${arm.scenario}: bad credentials let in, those on resumed sessions among them`,
                unit: '' as const,
                value: arm.preflight.tried - arm.preflight.refused,
              },
            ]),
      ]),
    ),
  },
  {
    id: 'tokens',
    text: 'How many tokens a second does a core issue?',
    asked: 'keycloak #27043',
    published: 'Keycloak: 120 grants/s/vCPU in its documentation, 351 to 360 in its CI',
    command:
      'npm run bench -- token-issuance --set clientAuthentication=secret,private_key_jwt,tls_client_auth',
    answer: byRun((run) =>
      armsBy(run, 'token-issuance', 'clientAuthentication').flatMap(([value, arm]) =>
        number(
          `${value}: tokens/s a core`,
          '',
          over(
            combine(
              [valuesOf(run, arm, 'cpuUsPerRequest')],
              ([us = Number.NaN]) => perCoreSecond / us,
            ),
          ),
        ),
      ),
    ),
  },
]
