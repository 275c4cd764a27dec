import { BenchError } from '../errors.ts'
import type { TargetSettings } from '../targets/settings.ts'

/**
 * A scenario named beside `--target` says which credentials are meant; throws usage errors where what was
 * given is something else.
 */
export function assertScenario(name: string, settings: TargetSettings): void {
  const wanted = scenarios.get(name)
  if (wanted === undefined) {
    throw new BenchError(
      'usage',
      `${name}: beside --target a scenario says which credentials are meant, expected ${[...scenarios.keys()].join(', ')}`,
    )
  }
  const { url, cert, token, issuer, tokenUrl } = settings
  const has = {
    tls: !url.startsWith('http:'),
    certificate: cert !== undefined,
    token: (token ?? issuer ?? tokenUrl) !== undefined,
  }
  const wrong = kinds.find((kind) => wanted[kind] !== null && has[kind] !== wanted[kind])
  if (wrong === undefined) return
  const options = optionsOf[wrong]
  throw new BenchError(
    'usage',
    wanted[wrong] === true
      ? `${name}: needs ${options}, or another scenario`
      : `${name}: has no ${options}, leave it out or name the scenario that has`,
  )
}

const kinds = ['tls', 'certificate', 'token'] as const
const optionsOf = {
  tls: 'an https:// target',
  certificate: '--cert and --key',
  token: 'a token: --issuer, --token-url or --token-file',
} as const
/** What a scenario's client brings; null: either way. */
const scenarios = new Map<string, Readonly<Record<(typeof kinds)[number], boolean | null>>>([
  ['http', { tls: false, certificate: false, token: false }],
  ['tls', { tls: true, certificate: false, token: false }],
  ['mtls', { tls: true, certificate: true, token: false }],
  ['jwt', { tls: null, certificate: null, token: true }],
  ['introspection', { tls: null, certificate: null, token: true }],
  ['combined', { tls: true, certificate: true, token: true }],
])
