import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { GatewayProduct } from '../config.ts'
import { productNames } from './product.ts'

/** A product as it is installed here. */
export interface Presence {
  readonly product: GatewayProduct
  /** Path of its program; null where there is none. */
  readonly program: string | null
  /** As it tells itself; null where it does not, or is not there. */
  readonly version: string | null
  /** Folder of its loadable modules; empty where it has none. */
  readonly modules: string
  /** Whether it can check tokens: nginx and Apache need a module for it. */
  readonly checksTokens: boolean
}

/** Looks for a product on the path, and beside it where distributions put servers; runs it for its version. */
export function findGateway(product: GatewayProduct): Presence {
  const { programs, version, modules, module } = installations[product]
  const program = findProgram(programs)
  const folder = modules.find((one) => isReadable(join(one, module))) ?? modules[0] ?? ''
  return {
    product,
    program,
    version: program === null ? null : versionOf(program, version),
    modules: folder,
    checksTokens: program !== null && (module === '' || isReadable(join(folder, module))),
  }
}

/** Why a product cannot be started at all, and what to install; null where it can. */
export function absenceOf({ product, program }: Presence): string | null {
  const { programs, advice } = installations[product]
  if (program !== null) return null
  return `${productNames[product]} is not on the path (${programs.join(' or ')}): ${advice}`
}

/** Name and version, as `nginx 1.22.1`. */
export function titleOf({ product, version }: Presence): string {
  return [productNames[product], version].filter((part) => part !== null).join(' ')
}

/** What to install, for messages about a module that is missing. */
export function installAdvice(product: GatewayProduct): string {
  return installations[product].advice
}

function versionOf(program: string, argument: string): string | null {
  const { stdout, stderr, error } = spawnSync(program, [argument], {
    encoding: 'utf8',
    timeout: versionTimeoutMs,
  })
  if (error !== undefined) return null
  // The first number with dots: nginx/1.22.1, version 2.6.12-1, Apache/2.4.71, …/1.35.0/….
  return /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] ?? null
}

function findProgram(names: readonly string[]): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...serverFolders]
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return paths.find((path) => isExecutable(path)) ?? null
}

function isExecutable(path: string): boolean {
  return isAccessible(path, constants.X_OK)
}

function isReadable(path: string): boolean {
  return isAccessible(path, constants.R_OK)
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

/** How a product is called and where its parts are. */
interface Installation {
  readonly programs: readonly string[]
  /** Argument that makes it tell its version. */
  readonly version: string
  /** Folders of modules, by distribution. */
  readonly modules: readonly string[]
  /** File of the module that checks tokens; empty where none is needed. */
  readonly module: string
  readonly advice: string
}

const installations: Readonly<Record<GatewayProduct, Installation>> = {
  nginx: {
    programs: ['nginx'],
    version: '-v',
    modules: ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules'],
    module: 'ngx_http_js_module.so',
    advice: 'apt-get install nginx libnginx-mod-http-js',
  },
  haproxy: {
    programs: ['haproxy'],
    version: '-v',
    modules: [],
    module: '',
    advice: 'apt-get install haproxy',
  },
  apache: {
    programs: ['apache2', 'httpd'],
    version: '-v',
    modules: ['/usr/lib/apache2/modules', '/usr/lib64/httpd/modules', '/usr/libexec/apache2'],
    module: 'mod_oauth2.so',
    advice: 'apt-get install apache2 libapache2-mod-oauth2',
  },
  envoy: {
    programs: ['envoy'],
    version: '--version',
    modules: [],
    module: '',
    advice: 'Debian has no package of it; put its program on the path',
  },
}
const serverFolders = ['/usr/sbin', '/usr/local/sbin', '/sbin']
const versionTimeoutMs = 5_000
