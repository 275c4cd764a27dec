/**
 * The parts of oidc-provider below its entry point, which prints "Unsupported runtime" on every release of
 * Node that is not yet marked LTS: a line in the log of each start that says nothing about this server.
 */
declare module 'oidc-provider/lib/provider.js' {
  export { Provider } from 'oidc-provider'
}

declare module 'oidc-provider/lib/helpers/errors.js' {
  import type { errors } from 'oidc-provider'
  export const InvalidClientAuth: typeof errors.InvalidClientAuth
  export const InvalidTarget: typeof errors.InvalidTarget
}
