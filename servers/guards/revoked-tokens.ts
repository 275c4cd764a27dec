/**
 * Tokens that are refused before their end, by `jti` (RFC 7519 section 4.1.7). RFC 7009 tells the issuer,
 * and no resource server: whoever knows of revocations tells this list, over the `reload` message here.
 */
export interface RevokedTokens {
  readonly has: (tokenId: string) => boolean
  /** Takes over the whole list, and lets caches forget: an opaque token has no id to be listed by. */
  readonly replace: (tokenIds: readonly string[]) => void
  /** Called at each replacement. */
  readonly onReplace: (listener: () => void) => void
}

/** Creates an empty list. */
export function createRevokedTokens(): RevokedTokens {
  let revoked: ReadonlySet<string> = new Set()
  const listeners: (() => void)[] = []
  return {
    has: (tokenId) => revoked.has(tokenId),
    replace: (tokenIds) => {
      revoked = new Set(tokenIds)
      for (const listener of listeners) listener()
    },
    onReplace: (listener) => {
      listeners.push(listener)
    },
  }
}
