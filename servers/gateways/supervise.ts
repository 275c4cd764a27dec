import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { GatewayConfig, GatewayProduct, Reload, ServerConfig } from '../config.ts'
import { readConfigured, StartError } from '../process.ts'
import { logLine } from '../telemetry.ts'
import { createTail } from './counts.ts'
import type { ProductCounts } from './counts.ts'
import { eventually } from './driver.ts'
import type { Driver } from './driver.ts'
import { openRefusalLog } from './haproxy-driver.ts'
import type { RefusalLog } from './haproxy-driver.ts'
import { fetchIssuerKeys } from './issuer-keys.ts'
import { feedOf } from './own-token-feed.ts'
import type { OwnTokenFeed } from './own-token-feed.ts'
import { collect, freePort, killGroup, launch, ready, watchEnd } from './launch.ts'
import type { Ending } from './launch.ts'
import { startOcspResponder } from './ocsp-responder.ts'
import type { OcspResponder } from './ocsp-responder.ts'
import { absenceOf, findGateway, titleOf } from './presence.ts'
import type { Presence } from './presence.ts'
import type { ProductFile, ProductSetup } from './product.ts'
import { driverOf, planOf } from './products.ts'
import { watchOver } from './watchdog.ts'
import type { Watchdog } from './watchdog.ts'

/** A product that serves. */
export interface Supervised {
  readonly title: string
  /** Process whose tree is the product, and nothing else. */
  readonly pid: number
  readonly port: number
  /** Rejects when it ends unasked. */
  readonly ended: Promise<never>
  readonly counts: () => Promise<ProductCounts>
  /** What was done for it: answers of its OCSP responder, tokens that were fetched. */
  readonly counters: () => Readonly<Record<string, number>>
  /** Why it cannot take over some changes; null where it can. */
  readonly unableTo: (changes: Reload) => string | null
  reload(changes: Reload): Promise<void>
  stop(): Promise<void>
  /** At once, without waiting for anything. */
  kill(): void
}

/** Where a product is started, and from what. */
interface Ground {
  readonly config: ServerConfig
  readonly gateway: GatewayConfig
  readonly presence: Presence
  readonly folder: string
  readonly publicFolder: string
  readonly owned: AsyncDisposableStack
}

/**
 * Starts a product from a configuration, in a folder beside it, and waits until it serves. Throws a StartError
 * with its last words where it does not.
 */
export async function supervise(
  config: ServerConfig,
  gateway: GatewayConfig,
  configFile: string,
): Promise<Supervised> {
  const presence = findGateway(gateway.product)
  const absent = absenceOf(presence)
  if (absent !== null) throw new StartError(absent)
  const owned = new AsyncDisposableStack()
  const folder = mkdtempSync(join(dirname(configFile), `${gateway.product}-`))
  owned.defer(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const publicFolder = createPublicFolder(gateway, folder)
  const ground = { config, gateway, presence, folder, publicFolder, owned }
  try {
    return await startOnFreePort(ground)
  } catch (error) {
    rmSync(publicFolder, { recursive: true, force: true })
    await owned.disposeAsync()
    throw error
  }
}

/** Apache that is started by root answers as nobody, who cannot enter the folder of a lab. */
function createPublicFolder({ product }: GatewayConfig, folder: string): string {
  const outside = product === 'apache' && isRoot()
  const made = outside ? mkdtempSync(join(tmpdir(), 'trustbench-public-')) : join(folder, 'public')
  mkdirSync(made, { recursive: true })
  chmodSync(made, outside ? everybody : ownerOnly)
  return made
}

/** Between looking for a free port and taking it somebody else may take it. */
async function startOnFreePort(ground: Ground): Promise<Supervised> {
  const log = ground.owned.use(await openRefusalLog())
  const ocsp = await startOcsp(ground)
  const tokens = await feedOf(ground.config.upstream)
  ground.owned.defer(() => tokens?.stop())
  const once = async () => {
    const ownTokens = tokens?.held() ?? null
    const ocspUrl = ocsp?.url ?? null
    const setup = await equip(ground, { logPort: log.port, ocspUrl, ownTokens })
    return start(ground, setup, { log, ocsp, tokens })
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await once()
    } catch (error) {
      const isTaken = error instanceof Error && /in use|cannot bind/i.test(error.message)
      const { host, port } = ground.config
      // Products say it at length, and each in its own words.
      if (isTaken && port !== 0)
        throw new StartError(`port ${host}:${port} is taken: ${portAdvice}`, { cause: error })
      if (!isTaken || attempt === mostStarts) throw error
    }
  }
}

/** What a product is surrounded by. */
interface Company {
  readonly log: RefusalLog
  readonly ocsp: OcspResponder | null
  readonly tokens: OwnTokenFeed | null
}

async function start(
  ground: Ground,
  setup: ProductSetup,
  { log, ocsp, tokens }: Company,
): Promise<Supervised> {
  const { gateway, presence, owned, folder } = ground
  write(ground, setup)
  const child = launch(presence, planOf(gateway.product, setup).args)
  const pid = child.pid ?? 0
  const [title, words] = [titleOf(presence), collect(child)]
  const ending = watchEnd(child, title, words)
  if (pid === 0) await ending.unasked
  const watchdog = watchOver(pid, ground.publicFolder)
  const driver = owned.use(driverOf(gateway.product, { pid, folder, refused: logRefusal }, log))
  try {
    await ready(driver, ending, title, words)
  } catch (error) {
    killGroup(pid)
    watchdog.release()
    throw withLog(error, folder)
  }
  return supervised({ ground, setup, child, words, driver, ending, watchdog, ocsp, tokens })
}

/** A product that serves, with all that goes with it. */
interface Serving {
  readonly ground: Ground
  readonly setup: ProductSetup
  readonly child: ChildProcess
  /** Its last lines. */
  readonly words: readonly string[]
  readonly driver: Driver
  readonly ending: Ending
  readonly watchdog: Watchdog
  readonly ocsp: OcspResponder | null
  readonly tokens: OwnTokenFeed | null
}

function supervised(serving: Serving): Supervised {
  const { ground, setup, child, words, driver, ending, watchdog, ocsp, tokens } = serving
  const { gateway, presence, owned } = ground
  const pid = child.pid ?? 0
  let current = setup
  const inTurn = createTurns()
  const take = (changes: Partial<ProductSetup>, told: () => Promise<void>) =>
    inTurn(async () => {
      current = { ...current, ...changes }
      write(ground, current)
      await told().catch((error: unknown) => {
        throw withLog(error, ground.folder, words)
      })
    })
  tokens?.feed((ownTokens) => take({ ownTokens }, () => driver.renew(ownTokens)))
  const kill = () => {
    ending.expect()
    killGroup(pid)
    watchdog.release()
  }
  return {
    title: titleOf(presence),
    pid,
    port: setup.port,
    ended: ending.unasked,
    counts: () => driver.counts(),
    counters: () => ({ ocspAnswers: ocsp?.answered() ?? 0, ...tokens?.counts() }),
    unableTo: (changes) => unableTo(gateway.product, changes),
    async reload(changes) {
      const config = changed(current.config, changes)
      if (config.clients !== null) ocsp?.reload(config.clients.crlFile)
      await take({ config, serverPem: readServerPem(config) }, () => driver.reload())
    },
    async stop() {
      ending.expect()
      tokens?.stop()
      child.kill('SIGTERM')
      await eventually(() => child.exitCode !== null || child.signalCode !== null, stopLimitMs)
      kill()
      await owned.disposeAsync()
    },
    kill,
  }
}

async function startOcsp({
  config,
  gateway,
  folder,
  owned,
}: Ground): Promise<OcspResponder | null> {
  if (gateway.ocsp === null || config.clients === null) return null
  return owned.use(await startOcspResponder(gateway.ocsp, config.clients.crlFile, folder))
}

async function equip(
  { config, presence, folder, publicFolder }: Ground,
  surroundings: Pick<ProductSetup, 'logPort' | 'ocspUrl' | 'ownTokens'>,
): Promise<ProductSetup> {
  const { issuer, token } = config
  const shared = token === 'jwt' ? (issuer?.sharedSecretFile ?? null) : null
  return {
    ...surroundings,
    config,
    folder,
    publicFolder,
    port: config.port === 0 ? await freePort(config.host) : config.port,
    serverPem: readServerPem(config),
    upstreamPem: readUpstreamPem(config),
    modules: presence.modules,
    keys:
      token === 'jwt' && issuer !== null && shared === null ? await fetchIssuerKeys(issuer) : [],
    sharedSecret:
      shared === null ? null : readConfigured('issuer.sharedSecretFile', shared).toString('base64'),
    clientSecret:
      token === 'opaque' && issuer !== null
        ? readConfigured('issuer.clientSecretFile', issuer.clientSecretFile).toString('utf8').trim()
        : null,
    isRoot: isRoot(),
  }
}

function readServerPem({ tls }: ServerConfig): string | null {
  if (tls === null) return null
  return readPem('tls', tls)
}

function readUpstreamPem({ upstream }: ServerConfig): string | null {
  if (upstream === null || upstream.identity === null) return null
  return readPem('upstream.identity', upstream.identity)
}

function readPem(setting: string, files: { certificateFile: string; keyFile: string }): string {
  const read = (name: keyof typeof files) =>
    readConfigured(`${setting}.${name}`, files[name]).toString('latin1')
  return `${read('certificateFile')}\n${read('keyFile')}`
}

/** One piece of work at a time, in the order in which they come. */
function createTurns(): (work: () => Promise<void>) => Promise<void> {
  let last = Promise.resolve()
  return (work) => (last = last.then(work))
}

function write({ folder, publicFolder, gateway }: Ground, setup: ProductSetup): void {
  const { files, publicFiles } = planOf(gateway.product, setup)
  const put = (where: string, mode: number) => (file: ProductFile) => {
    writeFileSync(join(where, file.name), file.text, { mode })
  }
  files.forEach(put(folder, ownerOnlyFile))
  publicFiles.forEach(put(publicFolder, everybodyFile))
}

/** What a product does not take over is told, so that nobody believes it done. */
function unableTo(product: GatewayProduct, { registry, revokedTokens }: Reload): string | null {
  if (registry !== undefined || revokedTokens !== undefined)
    return 'a gateway takes over certificates and trust, nothing else'
  return product === 'envoy' ? 'Envoy takes over trust by xDS, which is not set up here' : null
}

function changed(config: ServerConfig, { clients, tls }: Reload): ServerConfig {
  return {
    ...config,
    ...(clients === undefined ? {} : { clients }),
    ...(tls === undefined ? {} : { tls }),
  }
}

/** What a product writes to its log, and nowhere else, when it cannot start. */
function withLog(error: unknown, folder: string, words: readonly string[] = []): unknown {
  const log = createTail(join(folder, 'error.log'))().filter((line) => line !== '')
  const lines = [...words, ...log]
  if (!(error instanceof Error) || lines.length === 0) return error
  return new StartError([error.message, ...lines.slice(-fewLines)].join('; '), { cause: error })
}

function logRefusal(reason: string, status: number | null): void {
  logLine(JSON.stringify({ event: 'refused', reason, status }))
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

const ownerOnly = 0o700
const ownerOnlyFile = 0o600
const everybody = 0o755
const everybodyFile = 0o644
const mostStarts = 3
const fewLines = 3
/** What then still runs is killed; a supervisor has 1 s in all. */
const stopLimitMs = 500
const portAdvice = 'stop the other program or use port 0 for any free one'
