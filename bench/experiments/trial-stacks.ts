import type { AuthorizationConfig, ServerConfig } from '../../servers/config.ts'
import { createLab } from '../lab.ts'
import type { TrialSeries } from '../trials.ts'
import { caseOf } from './case-of.ts'
import { counted, type Trial, type TrialSetting } from './trial.ts'
import { stackSeries, mechanisms } from '../trial-series.ts'

/** What there is to run and to keep for each mechanism, counted in the configurations of these very servers. */
export const stacks: Trial = {
  name: 'stacks',
  what: 'processes, secrets, endpoints and settings of the reference servers, by mechanism',
  seconds: 2,
  run: async (setting) => {
    const told: TrialSeries[] = []
    for (const scenario of mechanisms) told.push(...(await countStack(scenario, setting)))
    return told
  },
}

async function countStack(scenario: string, setting: TrialSetting): Promise<TrialSeries[]> {
  const trial = caseOf(scenario, {}, setting.scenarios)
  const { certificate, token } = trial.scenario.credentials(trial.parameters)
  await using lab = await createLab({ parameters: trial.parameters })
  const issuerUrl = token === 'none' ? null : 'https://issuer.example'
  const server = lab.serverConfig(trial, issuerUrl)
  const issuer = token === 'none' ? null : lab.authorizationConfig()
  const secrets = new Set([...secretsOf(server), ...(issuer === null ? [] : secretsOf(issuer))])
  // A client's own: the key of its certificate, and where there are tokens what it gets them by.
  const clientSecrets = Number(certificate) + Number(token !== 'none' && !certificate)
  // The API; and where tokens are: discovery, the token endpoint, and its keys or introspection.
  const endpoints = 1 + (token === 'none' ? 0 : 3)
  return [
    counted(stackSeries.processes(scenario), issuer === null ? 1 : 2),
    counted(stackSeries.secrets(scenario), secrets.size + clientSecrets),
    counted(stackSeries.endpoints(scenario), endpoints),
    counted(
      stackSeries.settings(scenario),
      leavesOf(server) + (issuer === null ? 0 : leavesOf(issuer)),
    ),
  ]
}

/** Files that a configuration names whose content must stay secret. */
function secretsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]): string[] => {
    if (typeof inner === 'string') return secretSettings.has(name) ? [inner] : []
    return secretsOf(inner)
  })
}

/** Values that somebody has to set; null is one that is not. */
function leavesOf(value: ServerConfig | AuthorizationConfig | object): number {
  return Object.values(value).reduce<number>((sum, inner: unknown) => {
    if (inner === null) return sum
    return sum + (typeof inner === 'object' ? leavesOf(inner) : 1)
  }, 0)
}

const secretSettings = new Set([
  'keyFile',
  'ticketSecretFile',
  'secretFile',
  'clientSecretFile',
  'sharedSecretFile',
  'signingJwksFile',
  'storePasswordFile',
])
