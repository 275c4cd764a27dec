import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type { TestContext } from 'node:test'
import type { WireAnswer, WireRequest } from './k6-testbed-wire.ts'

// A stand-in for k6: as much of its modules as scripts of ours use, with real requests. It keeps to what k6
// does where that matters: init code of each virtual user runs anew, open() is of init code alone, and the
// certificate goes to every server that asks (grafana/k6#5153). It has no executor and no thresholds.

/** A request that a script made. */
export interface Sample {
  readonly method: string
  readonly url: string
  readonly status: number
  /** By the expected statuses. */
  readonly failed: boolean
  readonly tags: Readonly<Record<string, string>>
}

/** A check that a script made. */
export interface Checked {
  readonly name: string
  readonly passed: boolean
  readonly tags: Readonly<Record<string, string>>
}

/** What scripts read and are judged by. */
export interface StubOptions {
  readonly file: string
  /** Variables of the script. */
  readonly env: Readonly<Record<string, string>>
  /** Anchors, which k6 takes from SSL_CERT_FILE. */
  readonly caPem?: string
}

/** One runtime of a script, as each virtual user has. */
export interface VirtualUser {
  /** All that the script exports. */
  readonly exported: Readonly<Record<string, unknown>>
  readonly options: ScriptExports['options']
  readonly setup: () => Promise<void>
  readonly iterate: () => Promise<void>
}

/** Loads scripts, and keeps what they did. */
export interface K6Stub {
  readonly samples: Sample[]
  readonly checks: Checked[]
  readonly load: (options: StubOptions) => Promise<VirtualUser>
}

interface ScriptExports {
  readonly options: {
    readonly tlsAuth?: readonly { readonly cert: string; readonly key: string }[]
    readonly tlsVersion?: { readonly min: string; readonly max: string }
    readonly thresholds: Readonly<Record<string, readonly string[]>>
    readonly scenarios: Readonly<Record<string, object>>
  }
  readonly setup: () => void | Promise<void>
  readonly default: () => void | Promise<void>
}

interface Params {
  readonly headers?: Readonly<Record<string, string>>
  readonly tags?: Readonly<Record<string, string>>
  readonly responseCallback?: readonly number[]
  readonly responseType?: string
}

// A module is loaded once by its address: each virtual user of all tests of a process has one of its own.
let users = 0

/** Creates a stand-in that ends with the test. */
export function createK6Stub(t: TestContext): K6Stub {
  const samples: Sample[] = []
  const checks: Checked[] = []
  const wire = createWire(t)
  let current: { readonly id: number; readonly tls: WireRequest['tls'] } | null = null
  const send = (method: string, url: string, body: string | null, params: Params = {}) => {
    if (current === null) throw new Error('k6 makes no requests in init code')
    const { headers = {}, tags = {}, responseCallback = [200], responseType = 'none' } = params
    const { id, tls } = current
    const answer = wire({ user: id, method, url, body, headers, tls })
    const failed = !responseCallback.includes(answer.status)
    samples.push({ method, url, status: answer.status, failed, tags })
    const text = responseType === 'text' ? answer.body : null
    const json = (name: string): unknown =>
      (JSON.parse(text ?? '') as Readonly<Record<string, unknown>>)[name]
    return { ...answer, body: text, json }
  }
  const modules: Modules = {
    http: {
      TLS_1_2: 'tls1.2',
      TLS_1_3: 'tls1.3',
      expectedStatuses: (...statuses) => statuses,
      request: send,
      post(url, form, params = {}) {
        const type = { 'content-type': 'application/x-www-form-urlencoded' }
        const headers = { ...type, ...params.headers }
        return send('POST', url, String(new URLSearchParams(form)), { ...params, headers })
      },
    },
    encoding: {
      b64encode: (data, variant = 'std') =>
        Buffer.from(new Uint8Array(typeof data === 'string' ? Buffer.from(data) : data)).toString(
          variant === 'rawurl' ? 'base64url' : 'base64',
        ),
    },
    check(value, conditions, tags = {}) {
      const results = Object.entries(conditions).map(([name, condition]) => {
        const passed = condition(value)
        checks.push({ name, passed, tags })
        return passed
      })
      return results.every(Boolean)
    },
  }
  return {
    samples,
    checks,
    async load({ file, env, caPem }) {
      const id = ++users
      const script = await instantiate(file, id, { env, modules })
      const { tlsAuth: [identity] = [], tlsVersion } = script.options
      const tls = { ...identity, ...(caPem === undefined ? {} : { ca: caPem }), ...tlsVersion }
      const run = (work: () => void | Promise<void>) => async () => {
        current = { id, tls }
        try {
          await work()
        } finally {
          current = null
        }
      }
      return {
        exported: { ...script },
        options: script.options,
        setup: run(script.setup),
        iterate: run(script.default),
      }
    },
  }
}

interface Modules {
  readonly http: {
    readonly TLS_1_2: string
    readonly TLS_1_3: string
    readonly expectedStatuses: (...statuses: number[]) => number[]
    readonly request: (
      method: string,
      url: string,
      body: null,
      params?: Params,
    ) => WireAnswer | object
    readonly post: (url: string, form: Record<string, string>, params?: Params) => object
  }
  readonly encoding: {
    readonly b64encode: (data: string | ArrayBuffer, variant?: 'std' | 'rawurl') => string
  }
  readonly check: <T>(
    value: T,
    conditions: Readonly<Record<string, (value: T) => boolean>>,
    tags?: Readonly<Record<string, string>>,
  ) => boolean
}

/** Runs the init code of a script once more, as k6 does for each virtual user. */
async function instantiate(
  file: string,
  id: number,
  { env, modules }: { readonly env: StubOptions['env']; readonly modules: Modules },
): Promise<ScriptExports> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      /^k6(\/|$)/.test(specifier)
        ? { url: `stub:${specifier}`, format: 'module', shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url.startsWith('stub:')
        ? { format: 'module', source: sourceOf(url), shortCircuit: true }
        : next(url, context),
  })
  const init = {
    __ENV: env,
    open: (path: string) => readFileSync(resolve(dirname(file), path), 'utf8'),
    k6Stub: modules,
  }
  Object.assign(globalThis, init)
  try {
    return (await import(`${pathToFileURL(file).href}?user=${id}`)) as ScriptExports
  } finally {
    hooks.deregister()
    for (const name of ['__ENV', 'open']) Reflect.deleteProperty(globalThis, name)
  }
}

/** Stub modules look their functions up at each call: they are loaded once, and tests are many. */
function sourceOf(url: string): string {
  switch (url) {
    case 'stub:k6':
      return 'export const check = (...all) => globalThis.k6Stub.check(...all)'
    case 'stub:k6/http':
      return 'export default new Proxy({}, { get: (_, name) => globalThis.k6Stub.http[name] })'
    case 'stub:k6/encoding':
      return 'export default new Proxy({}, { get: (_, name) => globalThis.k6Stub.encoding[name] })'
    default:
      throw new Error(`the stand-in for k6 has no ${url.slice('stub:'.length)}`)
  }
}

/** Requests as k6 makes them: the script waits. A thread does them meanwhile. */
function createWire(t: TestContext): (request: WireRequest) => WireAnswer {
  const { port1, port2 } = new MessageChannel()
  const signal = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL('./k6-testbed-wire.ts', import.meta.url), {
    workerData: { port: port2, signal },
    transferList: [port2],
  })
  t.after(() => worker.terminate())
  return (request) => {
    Atomics.store(signal, 0, 0)
    port1.postMessage(request)
    if (Atomics.wait(signal, 0, 0, answerWithinMs) === 'timed-out')
      throw new Error(`no answer from ${request.url} within ${answerWithinMs} ms`)
    const received = receiveMessageOnPort(port1) as { readonly message: WireAnswer } | undefined
    if (received === undefined) throw new Error('an answer was announced and is not there')
    return received.message
  }
}

const answerWithinMs = 20_000
