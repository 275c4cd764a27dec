/** Tokens that a server's cache holds while a hit ratio is measured. */
export const hitRatioCacheEntries = 256
/** Twice as many, so that each has left the cache before it comes again. */
export const coldTokens = 512
