// autocannon 9 brings no types; these are the parts that closed.ts uses, as its README and source have them.
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events'

  export interface Client extends EventEmitter {
    readonly opts: unknown
  }

  export interface Options {
    url: string
    connections: number
    amount: number
    sampleInt: number
    timeout: number
    bailout: number
    headers: Record<string, string>
    tlsOptions?: object
    servername?: string
    method?: 'POST'
    expectBody?: string
    verifyBody?: (body: string) => boolean
    requests?: { setupRequest: (request: Request) => Request }[]
  }

  export interface Request {
    headers: Record<string, string>
    body?: string
  }

  export interface Instance extends PromiseLike<unknown> {
    on(
      event: 'response',
      listener: (client: Client, status: number, bytes: number, latencyMs: number) => void,
    ): this
    on(event: 'reqError', listener: (error: Error) => void): this
    on(event: 'reqMismatch', listener: (body: string) => void): this
  }

  export default function autocannon(options: Options): Instance
}
