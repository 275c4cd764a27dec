import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { clientAuthMethods } from './settings.ts'

// What a configuration file may say: the options of `bench --target` by their own names. Its JSON Schema is
// published beside this file's folder, for editors; a test holds the two together.

const strict = { additionalProperties: false } as const
const text = (description: string) => Type.String({ description, minLength: 1 })
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema)
const oneOf = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], description })
const someOf = <T extends TSchema>(one: T, description: string) =>
  Type.Union([one, Type.Array(one, { minItems: 1 })], { description })

/** A secret is never in the file itself. */
const Secret = Type.Object(
  {
    file: optional(text('path of a file that holds it')),
    env: optional(text('name of an environment variable that holds it')),
  },
  {
    ...strict,
    minProperties: 1,
    maxProperties: 1,
    description: '{ "file": path } or { "env": variable }',
  },
)

const status = Type.Integer({ minimum: 100, maximum: 599 })
const pid = Type.Integer({ minimum: 1, maximum: 2 ** 22 })

/** How a target is asked: of one target, or of all. */
const request = {
  cert: optional(text('client certificate with its chain, PEM file')),
  key: optional(text('its private key, PEM file')),
  ca: optional(text('anchors by which the target is judged, PEM file')),
  clients: optional(
    Type.Integer({
      minimum: 1,
      maximum: 1e6,
      description: 'distinct clients: {client} or {client:6} in their files and ids is the number',
    }),
  ),
  firstClient: optional(Type.Integer({ minimum: 0, description: 'number of the first' })),
  identities: optional(text('their files and ids, one JSON object a line')),
  issuer: optional(text('authorization server, by discovery')),
  tokenUrl: optional(text('its token endpoint alone')),
  issuerCa: optional(text('anchors by which it is judged, PEM file')),
  clientId: optional(text('whose tokens: client credentials')),
  clientAuth: optional(oneOf(clientAuthMethods, 'how the client authenticates')),
  clientSecret: optional(Secret),
  clientKey: optional(Secret),
  scope: optional(text('scope of the tokens')),
  resource: optional(text('resource indicator of the tokens (RFC 8707)')),
  audience: optional(text('audience of the tokens')),
  token: optional(Secret),
  headers: optional(
    Type.Record(
      Type.String(),
      Type.Union([Type.String(), Secret], {
        description: 'a value, or { "file": path } or { "env": variable }',
      }),
      { description: 'headers of every request' },
    ),
  ),
  method: optional(text('HTTP method, default GET, with a body POST')),
  bodyFile: optional(text('body of every request')),
  expectStatus: optional(someOf(status, 'statuses that are right, from 100 to 599')),
  expectBodyDigest: optional(text('SHA-256 of the only body that is right')),
  cpuPid: optional(someOf(pid, 'processes of this machine whose CPU is counted')),
  prometheus: optional(text('server that is asked for the CPU of the target')),
  prometheusQuery: optional(text('a counter of CPU seconds')),
}

const duration = (description: string) =>
  Type.String({ pattern: '^\\d+(s|m|h)$', description: `${description}, as 30s or 5m` })
const flag = (description: string) => Type.Boolean({ description })
const whole = (description: string) => Type.Integer({ minimum: 1, description })
const positive = (description: string) => Type.Number({ exclusiveMinimum: 0, description })

/** How load comes, and how much of it. */
const load = {
  load: optional(oneOf(['closed', 'open', 'churn'], 'how requests come')),
  curve: optional(flag('latency against offered rate')),
  rate: optional(positive('open: requests per second')),
  arrivals: optional(oneOf(['poisson', 'constant'], 'open: how they are spread')),
  duration: optional(duration('open: length of a window')),
  blocks: optional(whole('open: windows of each target')),
  connections: optional(whole('connections to begin with')),
  maxConnections: optional(whole('no more than so many')),
  timeout: optional(duration('after this a request is given up')),
  generators: optional(whole('open: processes that offer the schedule together')),
  rates: optional(
    Type.Array(Type.Number({ exclusiveMinimum: 0 }), { description: 'curve: requests per second' }),
  ),
  slo: optional(text('curve: p99 that the highest rate must meet, as 10ms')),
  policy: optional(
    Type.Array(oneOf(['full', 'resumed', 'keep-alive'], 'churn: TLS sessions'), { minItems: 1 }),
  ),
  requestsPerConnection: optional(
    Type.Array(Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('inf')]), {
      description: 'churn: numbers of requests, or "inf"',
    }),
  ),
  storm: optional(
    Type.Array(Type.Integer({ minimum: 2 }), {
      description: 'churn: clients that connect at once',
    }),
  ),
  quick: optional(flag('8 blocks')),
  full: optional(flag('12 to 40 blocks, until the intervals are narrow')),
  smoke: optional(flag('proves that it runs, measures nothing')),
  precision: optional(text('stop at this half-width, as 1%')),
  budget: optional(duration('begin no block that would end later')),
  seed: optional(Type.Integer({ minimum: 0, description: 'order of arms and slices' })),
  maxRate: optional(positive('requests/s at most to another host')),
  maxDuration: optional(duration('load at most to another host')),
}

/** JSON Schema of `trustbench.config.json`, and of what `trustbench.config.ts` exports. */
export const ConfigSchema = Type.Object(
  {
    $schema: optional(Type.String()),
    targets: Type.Array(
      Type.Object(
        {
          url: text('http:// or https://'),
          name: optional(
            Type.String({
              pattern: '^[\\w.-]{1,40}$',
              description: 'letters, digits, dots and dashes, up to 40',
            }),
          ),
          ...request,
        },
        strict,
      ),
      { minItems: 1, description: 'arms of the same blocks; the first is the baseline' },
    ),
    iOwnThisTarget: optional(flag('says that load may be sent to every target')),
    ...request,
    ...load,
  },
  {
    ...strict,
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'trustbench: targets, and how they are loaded',
  },
)

/** A configuration as its file holds it. */
export type TrustbenchConfig = Static<typeof ConfigSchema>

/** How one target, or all of them, are asked, as the file says it. */
export type RequestConfig = Omit<TrustbenchConfig['targets'][number], 'url' | 'name'>

/** Names of the settings of a request. */
export const requestNames = Object.keys(request)

/** Names of the options of load. */
export const loadNames = Object.keys(load)
