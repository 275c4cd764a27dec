import { clusterOf } from './cluster.ts'
import { jobProblems } from './jobs.ts'
import { networkProblems } from './network.ts'
import { nodeProblems } from './nodes.ts'
import { podProblems } from './pods.ts'
import { referenceProblems, type Secrets } from './references.ts'
import { schemaProblems } from './schema.ts'
import { timeProblems } from './times.ts'

/** All that is wrong with the objects of a run, a line each; `secrets` are those that its user makes. */
export function problemsOf(objects: readonly unknown[], secrets: Secrets): string[] {
  const unfit = schemaProblems(objects)
  // What does not fit its schema cannot be read by what follows.
  return unfit.length > 0 ? unfit : settingProblems(objects, secrets)
}

/** What is wrong with objects that fit their schemas. */
export function settingProblems(objects: readonly unknown[], secrets: Secrets): string[] {
  const cluster = clusterOf(objects)
  return [
    ...cluster.workloads.flatMap(podProblems),
    ...jobProblems(cluster),
    ...timeProblems(cluster),
    ...nodeProblems(cluster),
    ...referenceProblems(cluster, secrets),
    ...networkProblems(cluster),
  ]
}

/** Secrets that a text tells its reader to make: `kubectl create secret generic NAME … --from-file=KEY=…`. */
export function secretsOf(text: string): Secrets {
  const commands = text.replaceAll(/\\\n\s*/g, '').matchAll(/create secret generic (\S+)(.*)/g)
  return new Map(
    [...commands].map(([, name = '', rest = '']) => [
      name,
      new Set([...rest.matchAll(/--from-file=([\w.-]+)=/g)].map(([, key = '']) => key)),
    ]),
  )
}
