import type { TrustbenchConfig } from './targets/config-schema.ts'

/** What a `trustbench.config.ts` exports; the type makes editors complete it. */
export function defineConfig(config: TrustbenchConfig): TrustbenchConfig {
  return config
}
