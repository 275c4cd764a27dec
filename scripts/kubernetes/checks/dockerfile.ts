import { DockerfileParser, type Instruction } from 'dockerfile-ast'

/** What a Dockerfile is held against. */
export interface Context {
  /** Whether a path of the repository is sent to the build. */
  readonly isSent: (path: string) => boolean
}

/** What is wrong with a Dockerfile, a line each. */
export function dockerfileProblems(text: string, { isSent }: Context): string[] {
  const dockerfile = DockerfileParser.parse(text)
  const defaults = new Map(
    dockerfile.getARGs().map((arg) => {
      const property = arg.getProperty()
      return [property?.getName() ?? '', property?.getValue() ?? '']
    }),
  )
  const bases = dockerfile.getFROMs().map((from) => ({
    stage: from.getBuildStage(),
    image: (from.getImage() ?? '').replace(
      /\$\{(\w+)\}/g,
      (_all, name: string) => defaults.get(name) ?? '',
    ),
  }))
  const stages = new Set(bases.map(({ stage }) => stage))
  const all = dockerfile.getInstructions()
  const last = all.slice(all.findLastIndex((one) => one.getKeyword() === 'FROM'))
  return [
    ...bases.filter(({ image }) => !isPinned(image)).map(({ image }) => `FROM ${image}: moves`),
    ...dockerfile.getCOPYs().flatMap((copy) => {
      const from = copy.getFromFlag()?.getValue() ?? null
      const sources = copy
        .getArguments()
        .slice(0, -1)
        .map((source) => source.getValue())
      if (from !== null) return stages.has(from) ? [] : [`COPY --from=${from}: no such stage`]
      return sources.filter((path) => !isSent(path)).map((path) => `COPY ${path}: is not sent`)
    }),
    ...all.filter(holdsSecret).map((one) => `${one.getKeyword()}: looks like a secret`),
    ...all.filter((one) => one.getKeyword() === 'ADD').map(() => 'ADD: fetches or unpacks; COPY'),
    ...finalProblems(last),
  ]
}

/** A digest, or a tag with three numbers or a date in it. */
function isPinned(image: string): boolean {
  return /:(\d+\.\d+(\.\d+)?|[a-z]+-\d{8})(-[\w.]+)*(@sha256:[\da-f]{64})?$|@sha256:[\da-f]{64}$/.test(
    image,
  )
}

function holdsSecret(instruction: Instruction): boolean {
  return (
    /^(ARG|ENV|COPY)$/.test(instruction.getKeyword()) &&
    /secret|token|passw|private|credential|_key|\.pem|\.env\b/i.test(
      instruction.getRawArgumentsContent() ?? '',
    )
  )
}

/** The stage that runs. */
function finalProblems(instructions: readonly Instruction[]): string[] {
  const contentOf = (keyword: string) =>
    instructions.findLast((one) => one.getKeyword() === keyword)?.getArgumentsContent() ?? ''
  const [uid = '', gid = ''] = contentOf('USER').split(':')
  const checks: readonly [holds: boolean, told: string][] = [
    [[uid, gid].every((id) => /^[1-9]\d*$/.test(id)), 'USER: no number other than 0'],
    [contentOf('STOPSIGNAL') === 'SIGTERM', 'STOPSIGNAL: not SIGTERM'],
    // A shell in between would take the signal for itself.
    [contentOf('ENTRYPOINT').startsWith('['), 'ENTRYPOINT: starts a shell'],
    [/^(\[|$)/.test(contentOf('CMD')), 'CMD: starts a shell'],
  ]
  return checks.filter(([holds]) => !holds).map(([, told]) => told)
}
