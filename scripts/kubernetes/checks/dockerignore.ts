/**
 * Whether a Dockerfile.dockerignore lets a path through to the build: the last line that takes it, or a folder
 * above it, decides, as Docker has it.
 */
export function isSentBy(dockerignore: string, path: string): boolean {
  const lines = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const parts = path.split('/')
  const above = parts.map((_part, index) => parts.slice(0, index + 1).join('/'))
  const last = lines.findLast((line) => {
    const pattern = patternOf(line.replace(/^!/, ''))
    return above.some((one) => pattern.test(one))
  })
  return last?.startsWith('!') ?? true
}

/** The globs that are used here: `*` within a folder, `**` across them. Unlike a shell's they take names that begin with a dot. */
function patternOf(glob: string): RegExp {
  const source = RegExp.escape(glob).replaceAll('\\*\\*\\/', '(?:.*/)?').replaceAll('\\*', '[^/]*')
  return new RegExp(`^${source}$`)
}
