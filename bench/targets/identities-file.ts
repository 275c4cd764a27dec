import { dirname, resolve } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { BenchError } from '../errors.ts'
import { readNamedFile } from './credentials.ts'
import { defined } from './defined.ts'
import type { RequestSettings } from './settings.ts'

/** What a line of an identities file says of its client. */
export type IdentityLine = Pick<
  RequestSettings,
  'cert' | 'key' | 'clientId' | 'clientSecret' | 'clientKey' | 'token'
>

/**
 * Reads a file of clients, one JSON object a line, the first of client 0: certificate and key, name and secret,
 * or a token, by paths from the file's own folder. Throws usage errors.
 */
export function readIdentities(file: string): IdentityLine[] {
  const text = readNamedFile('--identities', file).toString('utf8')
  const lines = text.replace(/\n$/, '').split('\n')
  return lines.map((line, index) => identityOf(file, line, index + 1))
}

function identityOf(file: string, text: string, line: number): IdentityLine {
  const value = parsed(text)
  if (!validate(value)) {
    throw new BenchError(
      'usage',
      `--identities ${file}, line ${line}: expected one JSON object of ${members.join(', ')}, all texts`,
    )
  }
  const path = (name: string | undefined) =>
    name === undefined ? undefined : resolve(dirname(file), name)
  const ref = (name: string | undefined) =>
    name === undefined ? undefined : ({ kind: 'file', path: resolve(dirname(file), name) } as const)
  return defined({
    cert: path(value.cert),
    key: path(value.key),
    clientId: value.clientId,
    clientSecret: ref(value.clientSecretFile),
    clientKey: ref(value.clientKeyFile),
    token: ref(value.tokenFile),
  })
}

/** Null where it is not JSON: what is there may be a secret, and is not repeated. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const members = ['cert', 'key', 'clientId', 'clientSecretFile', 'clientKeyFile', 'tokenFile']
const member = Type.Optional(Type.String({ minLength: 1 }))
const Line = Type.Object(
  {
    cert: member,
    key: member,
    clientId: member,
    clientSecretFile: member,
    clientKeyFile: member,
    tokenFile: member,
  },
  { additionalProperties: false, minProperties: 1 },
)
const validate = new Ajv().compile<Partial<Record<keyof typeof Line.properties, string>>>(Line)
