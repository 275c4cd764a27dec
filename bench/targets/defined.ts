/** An object whose undefined members are left out: what was not given must not look as if it were. */
export function defined<T extends object>(value: T): Defined<T> {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}

/** The members of these names, without those that are undefined. */
export function pickDefined<T extends object, K extends keyof T>(
  value: T,
  names: readonly K[],
): Defined<Pick<T, K>> {
  const entries = names.map((name) => [name, value[name]] as const)
  const picked = Object.fromEntries(entries) as Pick<T, K>
  return defined(picked)
}

/** The same members, none of them undefined. */
export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
