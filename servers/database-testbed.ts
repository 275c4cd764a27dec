import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A real database of a test's own, on a free port of 127.0.0.1; gone with its data at disposal. */
export interface Database extends AsyncDisposable {
  /** Without password. */
  readonly url: string
  readonly password: string
  readonly pid: number
  /** Ends it at once, as a crash would. */
  readonly kill: () => Promise<void>
}

/** Why Redis cannot be tried here; false where it can, and on CI, where a missing one must fail. */
export const noRedis = missing('redis-server', find('redis-server'))

/** The same for PostgreSQL. */
export const noPostgres = missing('postgresql', find('initdb') && find('postgres'))

/** How a Redis is to be otherwise than usual. */
export interface RedisOptions {
  /** Where another one was before; default: a free one. */
  readonly port?: number
  /** PEM files: then it speaks TLS only. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

/** Starts Redis with a password and without persistence. */
export async function startRedis(options: RedisOptions = {}): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'trustbench-redis-'))
  const port = options.port ?? (await freePort())
  const configuration = [
    ...portLines(port, options.tls),
    ...['bind 127.0.0.1', `requirepass ${password}`],
    ...['save ""', 'appendonly no', `dir ${folder}`],
  ]
  const file = join(folder, 'redis.conf')
  await writeFile(file, configuration.join('\n'), { mode: 0o600 })
  const child = start([find('redis-server') ?? 'redis-server', file], null)
  const scheme = options.tls === undefined ? 'redis' : 'rediss'
  return database(child, {
    url: `${scheme}://127.0.0.1:${port}`,
    folder,
    ready: /Ready to accept/,
  })
}

function portLines(port: number, tls: RedisOptions['tls']): string[] {
  if (tls === undefined) return [`port ${port}`]
  return [
    ...['port 0', `tls-port ${port}`, 'tls-auth-clients no'],
    ...[`tls-cert-file ${tls.cert}`, `tls-key-file ${tls.key}`, `tls-ca-cert-file ${tls.ca}`],
  ]
}

/** Creates a cluster with one user and a password, and starts PostgreSQL on it. */
export async function startPostgres(): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'trustbench-postgres-'))
  const owner = await ownerOf(folder)
  const passwordFile = join(folder, 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (owner !== null) await chown(passwordFile, owner.uid, owner.gid)
  const data = join(folder, 'data')
  const [command = '', ...args] = wrapped(
    [
      ...[find('initdb') ?? 'initdb', '-D', data, '-U', 'trustbench', '-A', 'scram-sha-256'],
      ...[`--pwfile=${passwordFile}`, '--no-sync', '-E', 'UTF8', '--locale=C'],
    ],
    owner,
  )
  const made = spawnSync(command, args, { encoding: 'utf8', cwd: folder })
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`)
  const port = await freePort()
  const child = start(
    [
      ...[find('postgres') ?? 'postgres', '-D', data, '-p', String(port), '-k', folder],
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
    ],
    owner,
  )
  return database(child, {
    url: `postgres://trustbench@127.0.0.1:${port}/postgres`,
    folder,
    ready: /ready to accept connections/,
  })
}

/** Who a PostgreSQL may run as: it refuses to be root. */
interface Owner {
  readonly uid: number
  readonly gid: number
}

async function ownerOf(folder: string): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null
  const id = (flag: string) =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout)
  const owner = { uid: id('-u'), gid: id('-g') }
  await chown(folder, owner.uid, owner.gid)
  return owner
}

/** The same command as another user, and ended with this process however that ends. */
function wrapped(command: readonly string[], owner: Owner | null): string[] {
  const identity =
    owner === null ? [] : [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups']
  return ['setpriv', ...identity, '--pdeathsig', 'KILL', ...command]
}

function start(command: readonly string[], owner: Owner | null): ChildProcess {
  const [file = '', ...args] = wrapped(command, owner)
  return spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: tmpdir() })
}

async function database(
  child: ChildProcess,
  { url, folder, ready }: { readonly url: string; readonly folder: string; readonly ready: RegExp },
): Promise<Database> {
  const exited = once(child, 'exit')
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
  }
  let said = ''
  const isReady = Promise.withResolvers<undefined>()
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (ready.test(said)) isReady.resolve(undefined)
    })
  }
  void exited.then(() => {
    isReady.reject(new Error(`${url} did not start: ${said}`))
  })
  await isReady.promise
  return {
    url,
    password,
    pid: child.pid ?? 0,
    kill: () => end('SIGKILL'),
    async [Symbol.asyncDispose]() {
      // For PostgreSQL a fast shutdown: clients are cut off.
      await end('SIGINT')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A program on the path, or where Debian keeps those of PostgreSQL. */
function find(program: string): string | null {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort().reverse() : []
  const folders = [
    ...(process.env['PATH'] ?? '').split(':'),
    ...versions.map((version) => join(debian, version, 'bin')),
  ]
  return folders.map((folder) => join(folder, program)).find(existsSync) ?? null
}

function missing(name: string, found: string | null): string | false {
  return found !== null || process.env['CI'] === 'true' ? false : `${name} is not installed`
}

const password = 'a-password.with_odd:characters%41'
