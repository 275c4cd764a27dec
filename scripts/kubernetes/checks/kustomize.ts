import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { parseKustomization, type Kustomization } from './kustomization.ts'
import { isNode, replaceAt, valueAt } from './place.ts'

/**
 * The objects of a kustomization as `kubectl kustomize` gives them, in the order they are named: the part of
 * kustomize that our folders use. Throws a TypeError at anything else. A test holds it against kubectl, where there is one.
 */
export function buildKustomization(folder: string): unknown[] {
  const file = join(folder, 'kustomization.yaml')
  const told = parseKustomization(parse(readFileSync(file, 'utf8')), file)
  const objects = [
    ...told.resources.flatMap((name) => readResource(join(folder, name))),
    ...told.configMapGenerator.map((one) => configMapOf(folder, one)),
  ]
  // In kustomize's order.
  for (const { target, patch } of told.patches ?? []) applyPatch(select(objects, target), patch)
  for (const object of objects) setNamespace(object, told.namespace)
  for (const image of told.images ?? [])
    objects.forEach((object) => {
      setImages(object, image)
    })
  for (const { source, targets } of told.replacements ?? []) replace(objects, source, targets)
  return objects
}

function readResource(path: string): unknown[] {
  if (statSync(path).isDirectory()) return buildKustomization(path)
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    for (const error of [...document.errors, ...document.warnings]) throw error
    const object: unknown = document.toJS()
    return object
  })
}

type Generator = Kustomization['configMapGenerator'][number]

function configMapOf(folder: string, { name, literals = [], files = [] }: Generator): unknown {
  const data = new Map([
    ...literals.map((text): [string, string] => {
      const end = text.indexOf('=')
      return [text.slice(0, end), text.slice(end + 1)]
    }),
    ...files.map((file): [string, string] => [
      basename(file),
      readFileSync(join(folder, file), 'utf8'),
    ]),
  ])
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: Object.fromEntries<unknown>(data),
  }
}

interface Named {
  readonly kind: string
  readonly name: string
}

/** The one object of a kind and a name; throws where it is not there. */
export function select(objects: readonly unknown[], { kind, name }: Named): unknown {
  const found = objects.filter(
    (object) =>
      valueAt(object, ['kind']) === kind && valueAt(object, ['metadata', 'name']) === name,
  )
  if (found.length === 1) return found[0]
  throw new TypeError(`${kind} ${name}: ${found.length} in the kustomization, expected one`)
}

function applyPatch(object: unknown, patch: string): void {
  const steps: unknown = parse(patch)
  if (!Array.isArray(steps)) throw new TypeError('patch: expected a list of RFC 6902 operations')
  for (const step of steps) {
    const [op, path] = [valueAt(step, ['op']), valueAt(step, ['path'])]
    if (op !== 'replace' || typeof path !== 'string')
      throw new TypeError(`patch: only replace is understood here, found ${JSON.stringify(step)}`)
    replaceAt(object, path.split('/').slice(1), valueAt(step, ['value']))
  }
}

function setNamespace(object: unknown, namespace: string): void {
  const metadata = valueAt(object, ['metadata'])
  if (!isNode(metadata) || Array.isArray(metadata)) throw new TypeError('an object has no metadata')
  metadata[valueAt(object, ['kind']) === 'Namespace' ? 'name' : 'namespace'] = namespace
}

type Image = NonNullable<Kustomization['images']>[number]

function setImages(value: unknown, image: Image): void {
  if (!isNode(value)) return
  const isNamed = !Array.isArray(value) && value['image'] === image.name
  if (isNamed) value['image'] = imageName(image)
  for (const inner of Object.values(value)) setImages(inner, image)
}

function imageName({ name, newName = name, newTag, digest }: Image): string {
  const tag = newTag === undefined ? '' : `:${newTag}`
  return `${newName}${tag}${digest === undefined ? '' : `@${digest}`}`
}

type Replacement = NonNullable<Kustomization['replacements']>[number]

/** Kustomize copies the text and leaves the target its type. */
function replace(
  objects: readonly unknown[],
  source: Replacement['source'],
  targets: Replacement['targets'],
): void {
  const value = valueAt(select(objects, source), source.fieldPath.split('.'))
  for (const { select: wanted, fieldPaths } of targets) {
    const object = select(objects, wanted)
    for (const path of fieldPaths.map((text) => text.split('.'))) {
      replaceAt(object, path, typeof valueAt(object, path) === 'number' ? Number(value) : value)
    }
  }
}
