import { spawnSync } from 'node:child_process'
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readSource } from './environment.ts'
import { BenchError } from './errors.ts'
import { isRunning, sweepStale, temporaryPrefix } from './temporary.ts'

/** A source tree that arms can come out of. */
export interface SourceTree {
  readonly root: string
  /** How the user named it. */
  readonly label: string
  readonly commit: string | null
  readonly dirty: boolean | null
}

/** Two trees to hold against each other; both go when it is disposed of. */
export interface TreePair extends AsyncDisposable {
  readonly before: SourceTree
  readonly after: SourceTree
}

/** This tree where it stands, for runs that compare no trees. */
export function workingTree(root: string): SourceTree {
  const { commit, dirty } = readSource(root)
  return { root, label: 'working tree', commit, dirty }
}

/**
 * A worktree of a revision, and a copy of the working tree with everything uncommitted, in folders
 * whose paths have the same length: a path is in every stack trace, cache key and environment, and
 * must not be what differs. Throws a usage error when git does not know the revision.
 */
export async function openTrees(root: string, revision: string): Promise<TreePair> {
  const commit = resolveRevision(root, revision)
  removeStaleWorktrees(root)
  await sweepStale('trees')
  const base = await mkdtemp(join(tmpdir(), temporaryPrefix('trees')))
  const [before, after] = [join(base, 'a'), join(base, 'b')]
  const remove = async () => {
    git(root, ['worktree', 'remove', '--force', before])
    await rm(base, { recursive: true, force: true })
    git(root, ['worktree', 'prune'])
  }
  try {
    mustGit(root, ['worktree', 'add', '--detach', '--quiet', before, commit])
    await copyWorkingTree(root, after)
    await shareModules(root, before)
    await symlink(join(root, 'node_modules'), join(after, 'node_modules'))
    const own = readSource(root)
    return {
      before: { root: before, label: revision, commit, dirty: false },
      after: { root: after, label: 'working tree', commit: own.commit, dirty: own.dirty },
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/**
 * Two copies of the working tree in folders of equal path length, the second changed by `patch`: what
 * a comparison of identical or of known-unequal trees rests on.
 */
export async function openCopies(
  root: string,
  patch: (tree: string) => Promise<void>,
): Promise<TreePair> {
  await sweepStale('trees')
  const base = await mkdtemp(join(tmpdir(), temporaryPrefix('trees')))
  const remove = () => rm(base, { recursive: true, force: true })
  try {
    const [before, after] = [join(base, 'a'), join(base, 'b')]
    for (const tree of [before, after]) {
      await copyWorkingTree(root, tree)
      await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
    }
    await patch(after)
    const { commit, dirty } = readSource(root)
    return {
      before: { root: before, label: 'copy a', commit, dirty },
      after: { root: after, label: 'copy b', commit, dirty },
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

function resolveRevision(root: string, revision: string): string {
  const found = revision.startsWith('-')
    ? null
    : git(root, ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`])
  if (found !== null) return found
  const inside = git(root, ['rev-parse', 'HEAD']) !== null
  throw new BenchError(
    'usage',
    `--live ${revision}: ${inside ? 'git knows no such commit, branch or tag' : 'this is no git checkout, so there is nothing to compare with'}`,
  )
}

/** Everything that git tracks or would, as it is now: uncommitted work is compared too. */
async function copyWorkingTree(root: string, target: string): Promise<void> {
  const listed = git(root, ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])
  if (listed === null) {
    // Not a checkout: the folders that servers and scenarios come from are all that arms need.
    for (const folder of ['bench', 'scenarios', 'servers']) {
      await cp(join(root, folder), join(target, folder), { recursive: true })
    }
    await copyFile(join(root, 'package.json'), join(target, 'package.json'))
    return
  }
  const files = listed.split('\0').filter((file) => file !== '' && !isLeftOut(file))
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    await mkdir(join(target, folder), { recursive: true })
  }
  for (const file of files) {
    // A tracked file may be deleted in the working tree: then it is not part of it.
    await cp(join(root, file), join(target, file), { verbatimSymlinks: true }).catch(ignoreMissing)
  }
}

/** Results are nobody's source; packages come on their own, also where they are a link that git would track. */
function isLeftOut(file: string): boolean {
  return file.startsWith('results/') || file === 'node_modules'
}

/** The packages of this tree where the lock files are equal; else an install of its own. */
async function shareModules(root: string, tree: string): Promise<void> {
  const [own, other] = await Promise.all(
    [root, tree].map((folder) =>
      readFile(join(folder, 'package-lock.json'), 'utf8').catch(() => null),
    ),
  )
  if (own === other) {
    await symlink(join(root, 'node_modules'), join(tree, 'node_modules'))
    return
  }
  const npm = process.env['npm_execpath']
  const [command, args] = npm === undefined ? ['npm', ['ci']] : [process.execPath, [npm, 'ci']]
  const done = spawnSync(command, args, { cwd: tree, encoding: 'utf8' })
  if (done.status === 0) return
  throw new BenchError(
    'arm-failed',
    `npm ci in the worktree failed: ${done.stderr.trim().split('\n').at(-1) ?? done.error?.message ?? ''}`,
  )
}

/** Worktrees that a killed run left behind, known by the id of a process that is gone. */
function removeStaleWorktrees(root: string): void {
  const listed = git(root, ['worktree', 'list', '--porcelain']) ?? ''
  for (const [, path = '', pid] of listed.matchAll(
    /^worktree (.*trustbench-trees-\w+-(\d+)-.*)$/gm,
  )) {
    if (!isRunning(Number(pid))) git(root, ['worktree', 'remove', '--force', path])
  }
}

function mustGit(root: string, args: readonly string[]): string {
  const done = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (done.status === 0) return done.stdout
  throw new BenchError(
    'arm-failed',
    `git ${args.slice(0, 2).join(' ')} failed: ${done.stderr.trim().replaceAll('\n', ' ')}`,
  )
}

function git(root: string, args: readonly string[]): string | null {
  const done = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  return done.status === 0 ? done.stdout.trim() : null
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}
