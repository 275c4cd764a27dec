import type { IssuerConfig, ServerConfig } from '../../servers/config.ts'
import type { Scene } from '../preflight/scene.ts'
import type { ServerProcess } from '../processes.ts'
import { tokensOf } from './experiment.ts'
import { createFront, type Front } from './front.ts'

/** A further server of the case, whose issuer is behind a front. */
export async function behindFront(
  scene: Scene,
  owned: AsyncDisposableStack,
  changes: Partial<IssuerConfig> = {},
): Promise<{ readonly at: ServerProcess; readonly front: Front }> {
  const front = owned.use(await createFront(scene.lab, { to: tokensOf(scene).issuer.port }))
  const at = await scene.extra('behind-front', issuerAt(scene, front.url, changes))
  return { at, front }
}

/** The case's configuration with an issuer that is reached at another address, and is still the same. */
export function issuerAt(
  { config }: Scene,
  url: string,
  changes: Partial<IssuerConfig> = {},
): ServerConfig {
  const { issuer } = config
  if (issuer === null) throw new Error('this server has no issuer')
  return {
    ...config,
    issuer: {
      ...issuer,
      jwksUri: url + new URL(issuer.jwksUri).pathname,
      introspectionEndpoint: url + new URL(issuer.introspectionEndpoint).pathname,
      ...changes,
    },
  }
}
