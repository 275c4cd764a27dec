/** One change of one source file; `find` must occur in it exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** A bug put into a copy of the source: `verify` must fail on exactly the row of this id. */
export interface Mutant {
  /** Bad credential that it lets in. */
  readonly id: string
  /** Arguments of `verify`. */
  readonly verify: readonly string[]
  /** What a maintainer would have done, in one line. */
  readonly bug: string
  readonly edits: readonly Edit[]
  /** What the row must say; default: that the bad credential was accepted. */
  readonly outcome?: RegExp
}

/**
 * A check that lies inside OpenSSL, where no change of our source can remove it. Its row is shown to be
 * able to fail by repairing the attack instead: presented rightly, the credential gets in.
 */
export interface Repair extends Mutant {
  /** Why no mutant of the servers opens it. */
  readonly enforcedBy: string
}

/** Says a change. */
export function edit(file: string, find: string, replace: string): Edit {
  return { file, find, replace }
}
