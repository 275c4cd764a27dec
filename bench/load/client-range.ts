/** Clients by number, one after the other. */
export interface ClientRange {
  readonly first: number
  readonly count: number
}

/**
 * The part that one of several seats has of so many clients: the parts of 0 to `of` − 1 follow each other in
 * order, overlap nowhere, leave none out, and differ by one client at most.
 */
export function clientRange(total: number, index: number, of: number): ClientRange {
  const [least, larger] = [Math.floor(total / of), total % of]
  return {
    first: index * least + Math.min(index, larger),
    count: least + (index < larger ? 1 : 0),
  }
}
