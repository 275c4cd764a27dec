import { basename } from 'node:path'
import { parseWebUrl, storableUrl } from '../targets/url.ts'
import { dashed } from './plan-options.ts'
import { parseHeader, parseName, type TargetCommandOptions } from './target-options.ts'

/** The same options as arguments, for the `command` of a run: of what may be secret, only that it was given. */
export function targetArguments(options: TargetCommandOptions): string[] {
  const shownUrl = (text: string) => storableUrl(parseWebUrl('--target', text))
  const each = (
    option: string,
    values: readonly string[] | undefined,
    show: (one: string) => string,
  ) => (values ?? []).flatMap((value) => [option, show(value)])
  const one = (names: readonly (keyof TargetCommandOptions)[], show: (text: string) => string) =>
    names.flatMap((name) => {
      const value = options[name]
      return typeof value === 'string' ? [`--${dashed(name)}`, show(value)] : []
    })
  return [
    ...one(['config'], (path) => basename(path)),
    ...each('--target', options.target, shownUrl),
    ...each('--name', options.name, (text) => {
      const { name, url } = parseName(text)
      return `${name}=${storableUrl(url)}`
    }),
    ...(options.iOwnThisTarget === true ? ['--i-own-this-target'] : []),
    ...one(['issuer', 'tokenUrl', 'prometheus'], shownUrl),
    ...one(shown, (text) => text),
    ...each('--header', options.header, (text) => `${parseHeader(text).name}: …`),
    ...one(hidden, () => '…'),
  ]
}

/** What may be stored as it is. */
const shown = [
  'maxRate',
  'maxDuration',
  'clients',
  'firstClient',
  'clientAuth',
  'scope',
  'resource',
  'audience',
  'method',
  'expectStatus',
  'expectBodyDigest',
  'cpuPid',
] as const
/** Paths, and what may be a secret: only that they were given is stored. */
const hidden = [
  'cert',
  'key',
  'ca',
  'identities',
  'issuerCa',
  'clientId',
  'clientSecretFile',
  'clientKeyFile',
  'tokenFile',
  'bodyFile',
  'prometheusQuery',
] as const
