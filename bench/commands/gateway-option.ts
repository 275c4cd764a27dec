/** What `--gateway` says of itself. */
export const gatewayOption = 'who serves: node, nginx, haproxy, apache, envoy; as --set gateway=…'

/** Settings as `--set` takes them, with that of `--gateway` among them. */
export function withGateway({
  set,
  gateway,
}: {
  readonly set: readonly string[]
  readonly gateway?: string
}): readonly string[] {
  return gateway === undefined ? set : [...set, `gateway=${gateway}`]
}
