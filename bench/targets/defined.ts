/** An object whose undefined members are left out: what was not given must not look as if it were. */
export function defined<T extends object>(value: T): Defined<T> {
  const entries = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(entries) as Defined<T>
}

/** The same members, none of them undefined. */
export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
