import { join } from 'node:path'
import { Deployment } from 'kubernetes-models/apps/v1'
import { Job } from 'kubernetes-models/batch/v1'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { ConfigMap, Namespace, PersistentVolumeClaim, Pod, Service } from 'kubernetes-models/v1'
import ts from 'typescript'
import { valueAt } from './place.ts'

/**
 * What Kubernetes' own schemas (OpenAPI, by the package kubernetes-models) find wrong with objects: values and
 * formats by its validators, unknown fields by its types, for no validator of Kubernetes' schemas knows that a field is unknown.
 */
export function schemaProblems(objects: readonly unknown[]): string[] {
  return [...objects.flatMap(valueProblems), ...fieldProblems(objects)]
}

function valueProblems(object: unknown): string[] {
  const model = models.flatMap((create) => create(object) ?? [])[0]
  if (model === undefined) return [`${nameOf(object)}: no kind that is known here`]
  try {
    model.validate()
    return []
  } catch (error) {
    return [`${nameOf(object)}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** Objects written out as TypeScript: the compiler refuses a literal with a property that its type lacks. */
function fieldProblems(objects: readonly unknown[]): string[] {
  const lines = objects.map((object, index) => {
    const [apiVersion, kind] = [valueAt(object, ['apiVersion']), valueAt(object, ['kind'])]
    const type = `import('kubernetes-models/${String(apiVersion)}/${String(kind)}').I${String(kind)}`
    return `export const object${index}: ${type} = ${JSON.stringify(object)}`
  })
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile.bind(host)
  host.getSourceFile = (name, ...rest) =>
    name === virtualFile
      ? ts.createSourceFile(name, lines.join('\n'), ts.ScriptTarget.ESNext)
      : read(name, ...rest)
  const program = ts.createProgram([virtualFile], options, host)
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start).line
    return `${nameOf(objects[line])}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
  })
}

/** Kind and name, for messages. */
export function nameOf(object: unknown): string {
  return `${String(valueAt(object, ['kind']))} ${String(valueAt(object, ['metadata', 'name']))}`
}

const models = [
  (value: unknown) => (Namespace.is(value) ? new Namespace(value) : null),
  (value: unknown) => (ConfigMap.is(value) ? new ConfigMap(value) : null),
  (value: unknown) => (Service.is(value) ? new Service(value) : null),
  (value: unknown) => (Pod.is(value) ? new Pod(value) : null),
  (value: unknown) => (PersistentVolumeClaim.is(value) ? new PersistentVolumeClaim(value) : null),
  (value: unknown) => (Deployment.is(value) ? new Deployment(value) : null),
  (value: unknown) => (Job.is(value) ? new Job(value) : null),
  (value: unknown) => (NetworkPolicy.is(value) ? new NetworkPolicy(value) : null),
]
/** Never written: it is beside this file so that imports are found. */
const virtualFile = join(import.meta.dirname, 'objects.virtual.ts')
const options: ts.CompilerOptions = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.NodeNext,
}
