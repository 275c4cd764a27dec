/** A bad credential of `rejections.md`: its id, and what is presented. */
export interface CatalogueEntry {
  readonly id: string
  /** `refuse`: must not get in. `record`: gets in by design, and is reported. */
  readonly kind: 'refuse' | 'record'
  readonly describe: string
}

/** Every bad credential that preflight can present, in the order of its tables. */
export const catalogue: readonly CatalogueEntry[] = [
  // The client must refuse the server.
  refuse('T1', 'server certificate of an unknown CA'),
  refuse('T2', 'server certificate for another name'),
  refuse('T3', 'expired server certificate'),
  refuse('T4', 'server certificate not yet valid'),
  refuse('T5', 'server certificate for client authentication only'),
  refuse('T6', 'TLS 1.1, either side'),

  refuse('M1', 'no client certificate'),
  refuse('M2', 'client certificate of a rogue CA'),
  refuse('M3', 'self-signed client certificate'),
  refuse('M4', 'expired client certificate'),
  refuse('M5', 'client certificate not yet valid'),
  refuse('M6', 'client certificate for server authentication only'),
  refuse('M7', 'revoked certificate, full handshake'),
  refuse('M8', 'revoked certificate, resumed session'),
  refuse('M9', 'CA removed, resumed session'),
  refuse('M10', 'ticket of a listener without client certificates'),
  refuse('M11a', 'stolen ticket without its secret'),
  record('M11b', 'stolen session, whole, without the key'),
  refuse('M12', 'valid certificate of another service'),
  refuse('M13', "another's certificate, own key"),
  refuse('M14', 'chain without its intermediate'),
  refuse('M15', 'forwarded-certificate headers of another tenant'),
  record('M16', 'open connection after revocation'),

  refuse('J1', 'no token'),
  refuse('J2', 'garbage, or two parts'),
  refuse('J3', 'one bit of a known signature changed'),
  refuse('J4', 'payload changed under its signature'),
  refuse('J5', 'alg none'),
  refuse('J6', 'HS256 with the public key as secret'),
  refuse('J7', 'published key of another algorithm'),
  refuse('J8', 'unknown kid, one key-set fetch at most'),
  refuse('J9', 'expired token'),
  refuse('J10', 'nbf or iat in the future'),
  refuse('J11', 'another issuer'),
  refuse('J12', 'no audience, or another'),
  refuse('J13', 'typ JWT, none, or an ID token'),
  refuse('J14', 'a required claim missing'),
  refuse('J15', 'token without the scope'),
  refuse('J16', "another tenant's token"),
  refuse('J17', 'key embedded by jwk or jku'),
  refuse('J18', 'unknown critical header'),
  refuse('J19', 'token in the query'),
  refuse('J20', 'two tokens in one request'),
  refuse('J21', 'oversized token'),
  refuse('J22', 'bound token at a bearer-only server'),
  record('J23', 'revoked JWT'),

  refuse('I1', 'token unknown to the issuer'),
  refuse('I2', 'expired token'),
  refuse('I3', 'revoked token'),
  record('I4', 'revoked token within the cache TTL'),
  refuse('I5', "server's own credentials wrong"),
  refuse('I6', 'issuer down, or slow'),
  refuse('I7', 'active is not a boolean'),
  refuse('I8', 'answer not JSON, or a redirect'),
  refuse('I9', 'another audience'),
  refuse('I10', 'token without the scope'),
  refuse('I11', 'cached answer after exp'),
  refuse('I12', 'token that resembles a cached one'),
  refuse('I13', "concurrent token, another's answer"),

  refuse('C1', 'good certificate, unbound token'),
  refuse('C2', 'bound token, no certificate'),
  refuse('C3', 'bound token, another valid certificate'),
  refuse('C4', 'bound token, rogue certificate'),
  refuse('C5', 'thumbprint as SHA-1, hex, or padded'),
  refuse('C6', 'two confirmations, jkt beside x5t#S256'),
  refuse('C7', 'renewed certificate, old token'),
  refuse('C8', 'resumed session, token of another certificate'),
  refuse('C9', 'forwarded certificate of an untrusted hop'),
  refuse('C10', 'token without the scope'),

  refuse('D1', 'no proof'),
  refuse('D2', 'two proofs'),
  refuse('D3', 'proof of another type'),
  refuse('D4', 'proof with alg none, or symmetric'),
  refuse('D5', 'bad signature of the proof'),
  refuse('D6', 'private key in the proof'),
  refuse('D7', 'proof for another method'),
  refuse('D8', 'proof for another URL'),
  refuse('D9', 'stale proof, or of the future'),
  refuse('D10', 'proof used twice'),
  refuse('D11', 'proof without its token, or of another'),
  refuse('D12', "proof by another's key"),
  refuse('D13', 'key-bound token as bearer token'),
]

/** Ids that are the very same attempt as another under one scenario: tried once, the row shows both. */
export const aliases: Readonly<Record<string, readonly string[]>> = {
  C2: ['M1'],
  C4: ['M2'],
  C10: ['J15', 'I10'],
}

/**
 * Ids of the bad credentials that patterns name, in the order of the catalogue: an id, all `refuse` ids
 * of a letter (`M*`), or all but (`!J22`). Throws on a pattern that names nothing.
 */
export function refusalIds(patterns: readonly string[]): string[] {
  const chosen = new Set<string>()
  for (const pattern of patterns) {
    const name = pattern.replace(/^!/, '')
    const ids = catalogue.filter((entry) => matches(entry, name)).map(({ id }) => id)
    if (ids.length === 0) throw new Error(`no refusal is called ${pattern}`)
    for (const id of ids) {
      if (pattern.startsWith('!')) chosen.delete(id)
      else chosen.add(id)
    }
  }
  return catalogue.map(({ id }) => id).filter((id) => chosen.has(id))
}

/** The entry of an id; throws on an unknown one. */
export function entryOf(id: string): CatalogueEntry {
  const entry = catalogue.find((each) => each.id === id)
  if (entry === undefined) throw new Error(`no refusal is called ${id}`)
  return entry
}

function matches({ id, kind }: CatalogueEntry, name: string): boolean {
  return name.endsWith('*') ? kind === 'refuse' && id.startsWith(name.slice(0, -1)) : id === name
}

function refuse(id: string, describe: string): CatalogueEntry {
  return { id, kind: 'refuse', describe }
}

function record(id: string, describe: string): CatalogueEntry {
  return { id, kind: 'record', describe }
}
