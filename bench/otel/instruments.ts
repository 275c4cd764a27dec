/** A metric as OpenTelemetry describes it; units are of UCUM. */
export interface Instrument {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly unit: string
  readonly description: string
}

export type InstrumentName = keyof typeof instruments

/**
 * Everything that is exported. `http.client.request.duration` is of the semantic conventions (HTTP 1.23 and
 * later); what they have no word for is in a namespace of our own. Times are in seconds, as they ask.
 */
export const instruments = {
  requests: {
    kind: 'counter',
    name: 'trustbench.requests',
    unit: '{request}',
    description: 'Requests measured, by what became of them; warm-up is in no figure',
  },
  errors: {
    kind: 'counter',
    name: 'trustbench.errors',
    unit: '{error}',
    description: 'Requests and connections that failed, by kind',
  },
  duration: {
    kind: 'histogram',
    name: 'http.client.request.duration',
    unit: 's',
    description:
      'Response time; of an open loop from the intended send, failures and timeouts included',
  },
  lateness: {
    kind: 'histogram',
    name: 'trustbench.send.lateness',
    unit: 's',
    description: 'Intended send to the moment the generator came to it: its own fault',
  },
  handshakes: {
    kind: 'counter',
    name: 'trustbench.handshakes',
    unit: '{handshake}',
    description: 'TLS handshakes by kind, by the count of the server where it is ours',
  },
  cpuTime: {
    kind: 'counter',
    name: 'trustbench.cpu.time',
    unit: 's',
    description:
      'CPU of servers, issuer and client while requests were measured; the client of an open loop looks at the clock, too',
  },
  loadTime: {
    kind: 'counter',
    name: 'trustbench.load.time',
    unit: 's',
    description: 'Time under load; requests by it are the rate that was measured',
  },
  offeredRate: {
    kind: 'gauge',
    name: 'trustbench.offered.rate',
    unit: '{request}/s',
    description: 'Rate of the schedule of an open loop, told when its window begins',
  },
  blocks: {
    kind: 'counter',
    name: 'trustbench.blocks',
    unit: '{block}',
    description: 'Blocks done in this session, by outcome',
  },
} as const satisfies Readonly<Record<string, Instrument>>
