import { BenchError } from '../errors.ts'
import { defined } from './defined.ts'
import type { RequestSettings, SecretRef } from './settings.ts'

/** Whether a text differs from client to client: by `{client}`, or padded with zeros to six digits by `{client:6}`. */
export function hasPlaceholder(text: string): boolean {
  return /\{client\b/.test(text)
}

/** A text with the number of a client in the place of each placeholder; throws usage errors. */
export function withClient(option: string, text: string, client: number): string {
  return text.replaceAll(/\{client\b[^}]*\}?/g, (found) => {
    const [isWhole, digits = '0'] = /^\{client(?::([1-9]|1[0-2]))?\}$/.exec(found) ?? []
    if (isWhole === undefined)
      throw new BenchError('usage', `${option}: ${found}, expected {client} or, padded, {client:6}`)
    return String(client).padStart(Number(digits), '0')
  })
}

/** The settings that may differ from client to client: their options, with the text that may hold a placeholder. */
export function perClient(settings: RequestSettings): [option: string, text: string][] {
  const { cert, key, clientId, clientSecret, clientKey, token } = settings
  const all: [string, string | undefined][] = [
    ['--cert', cert],
    ['--key', key],
    ['--client-id', clientId],
    ['--client-secret-file', textOf(clientSecret)],
    ['--client-key-file', textOf(clientKey)],
    ['--token-file', textOf(token)],
  ]
  return all.flatMap(([option, text]): [string, string][] =>
    text === undefined ? [] : [[option, text]],
  )
}

/** The settings of one client; throws usage errors. */
export function settingsOfClient(settings: RequestSettings, client: number): RequestSettings {
  const { cert, key, clientId, clientSecret, clientKey, token } = settings
  const text = (option: string, value: string | undefined) =>
    value === undefined ? undefined : withClient(option, value, client)
  const ref = (option: string, value: SecretRef | undefined): SecretRef | undefined => {
    if (value === undefined) return undefined
    return value.kind === 'file'
      ? { kind: 'file', path: withClient(option, value.path, client) }
      : { kind: 'env', name: withClient(option, value.name, client) }
  }
  return {
    ...settings,
    ...defined({
      cert: text('--cert', cert),
      key: text('--key', key),
      clientId: text('--client-id', clientId),
      clientSecret: ref('--client-secret-file', clientSecret),
      clientKey: ref('--client-key-file', clientKey),
      token: ref('--token-file', token),
    }),
  }
}

function textOf(ref: SecretRef | undefined): string | undefined {
  return ref?.kind === 'file' ? ref.path : ref?.name
}
