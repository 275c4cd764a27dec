/** Headers of requests that are good for a while, as those with a token; as data, so that a process can be sent them. */
export interface Credential {
  readonly headers: Readonly<Record<string, string>>
  /** In ns of the monotonic clock that all processes of a machine share; null: it does not say. */
  readonly goodUntilNs: bigint | null
}

/** A credential that is renewed while load goes on, before the one in use ends. */
export interface Renewal {
  current(): Credential
  /** Tells of each next one when it is there; returns what ends that. */
  onRenewed(tell: (next: Credential) => void): () => void
}

/** The credential of another process, as it was told last. */
export interface HeldCredential {
  /** From the next request on; those under way keep what they were sent with. */
  swap(next: Credential): void
  /** Throws once it has ended: then no request is sent at all. */
  headers(): Readonly<Record<string, string>>
}

/** Holds a credential until it is told of another. */
export function holdCredential(
  first: Credential,
  nowNs: () => bigint = () => process.hrtime.bigint(),
): HeldCredential {
  let held = first
  return {
    swap(next) {
      held = next
    },
    headers() {
      const { headers, goodUntilNs } = held
      if (goodUntilNs !== null && nowNs() >= goodUntilNs) throw expiredToken()
      return headers
    },
  }
}

/** Why a request was not sent: its token has ended, by the clock of whoever was to send it. */
export function expiredToken(): Error {
  return new Error('the access token has expired')
}
