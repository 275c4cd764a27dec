/** A JSON value's inner node: a mapping of keys, or a list. */
export type Node = Record<string, unknown> | unknown[]

/** What stands at a path of keys and indices; undefined where the path breaks off. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (isNode(inner) ? childOf(inner, key) : undefined),
    value,
  )
}

/** Sets what stands at a path already; throws where nothing does: a patch that misses must not pass. */
export function replaceAt(value: unknown, path: readonly string[], to: unknown): void {
  const key = path.at(-1) ?? ''
  const parent = valueAt(value, path.slice(0, -1))
  if (!isNode(parent) || childOf(parent, key) === undefined)
    throw new TypeError(`/${path.join('/')}: there is nothing to replace`)
  if (Array.isArray(parent)) parent[Number(key)] = to
  else parent[key] = to
}

/** Every text in a value, however deep. */
export function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return isNode(value) ? Object.values(value).flatMap(textsOf) : []
}

/** Keys of the mapping at a path; none where there is no mapping. */
export function keysAt(value: unknown, path: readonly string[]): string[] {
  const found = valueAt(value, path)
  return isNode(found) ? Object.keys(found) : []
}

/** Whether a value has values of its own. */
export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null
}

function childOf(node: Node, key: string): unknown {
  if (Array.isArray(node)) return node[Number(key)]
  return Object.hasOwn(node, key) ? node[key] : undefined
}
