import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Pinning } from './pinning.ts'
import type { Environment } from './results.ts'

/** Which source a tree holds; null where git cannot tell. */
export interface Source {
  readonly commit: string | null
  readonly branch: string | null
  readonly dirty: boolean | null
}

/** Machine, runtime and source, read now: at measuring time, never at print time. */
export function readEnvironment(root: string, pinning: Pinning | null): Environment {
  const cpuModel = cpus()[0]?.model.trim() ?? 'unknown'
  const machine = {
    cpuModel,
    cores: cpus().length,
    memoryBytes: totalmem(),
    os: `${platform()} ${release()}`,
    arch: arch(),
  }
  return {
    ...machine,
    machineId: machineFingerprint(machine),
    node: process.version,
    openssl: process.versions.openssl,
    v8: process.versions.v8,
    packages: Object.fromEntries(
      measuredPackages.map((name) => [name, packageVersion(root, name)]),
    ),
    ...readSource(root),
    pinned: pinning !== null,
    serverCpus: pinning === null ? null : [...pinning.serverCpus],
    clientCpus: pinning === null ? null : [...pinning.clientCpus],
  }
}

/** Commit, branch and dirty flag of a checkout; nulls without git or outside a checkout. */
export function readSource(root: string): Source {
  const commit = git(root, ['rev-parse', 'HEAD'])
  if (commit === null) return { commit: null, branch: null, dirty: null }
  const status = git(root, ['status', '--porcelain'])
  return {
    commit,
    branch: git(root, ['symbolic-ref', '--short', '-q', 'HEAD']),
    dirty: status === null ? null : status !== '',
  }
}

function machineFingerprint({
  cpuModel,
  cores,
  memoryBytes,
  os,
  arch,
}: {
  readonly cpuModel: string
  readonly cores: number
  readonly memoryBytes: number
  readonly os: string
  readonly arch: string
}): string {
  // Whole GiB: the same machine reports a few pages more or less after a kernel update.
  const memoryGib = Math.round(memoryBytes / 2 ** 30)
  const text = JSON.stringify([cpuModel, cores, memoryGib, os.split(' ')[0], arch])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

function git(root: string, args: readonly string[]): string | null {
  const done = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' })
  return done.status === 0 ? done.stdout.trim() : null
}

function packageVersion(root: string, name: string): string {
  try {
    const manifest: unknown = JSON.parse(
      readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'),
    )
    const version =
      typeof manifest === 'object' && manifest !== null && 'version' in manifest
        ? manifest.version
        : null
    return typeof version === 'string' ? version : 'unknown'
  } catch {
    return 'missing'
  }
}

const measuredPackages = ['fastify', 'jose', 'oidc-provider', 'autocannon']
