import type { IVolume } from 'kubernetes-models/v1'
import { configured, containersOf, type Cluster, type Workload } from './cluster.ts'
import { textsOf } from './place.ts'
import { selected } from './selectors.ts'

/** Keys of secrets that the user makes, by the secret's name. */
export type Secrets = ReadonlyMap<string, ReadonlySet<string>>

/** What objects point to, and nobody made. */
export function referenceProblems(cluster: Cluster, secrets: Secrets): string[] {
  return [
    ...cluster.workloads.flatMap((workload) =>
      [
        ...(workload.spec.volumes ?? []).flatMap((volume) =>
          volumeProblems(cluster, secrets, volume),
        ),
        ...mountProblems(workload),
        ...optionalProblems(workload),
        ...variableProblems(cluster, workload),
        ...fileProblems(cluster, secrets, workload),
        ...addressProblems(cluster, workload),
      ].map((problem) => `${workload.name}: ${problem}`),
    ),
    ...serviceProblems(cluster),
  ]
}

function volumeProblems(cluster: Cluster, secrets: Secrets, volume: IVolume): string[] {
  const { configMap, secret, persistentVolumeClaim: claim } = volume
  const known = [
    configMap === undefined ||
      cluster.configMaps.some(({ metadata }) => metadata?.name === configMap.name),
    secret === undefined || secrets.has(secret.secretName ?? ''),
    claim === undefined ||
      cluster.claims.some(({ metadata }) => metadata?.name === claim.claimName),
  ]
  return known.every(Boolean) ? [] : [`volume ${volume.name}: nobody makes what it mounts`]
}

/** Every mount has its volume, and every volume a mount. */
function mountProblems({ spec }: Workload): string[] {
  const mounts = containersOf(spec).flatMap(({ volumeMounts = [] }) => volumeMounts)
  const volumes = new Set(spec.volumes?.map(({ name }) => name))
  const used = new Set(mounts.map(({ name }) => name))
  return [...volumes.symmetricDifference(used)].map((name) => `volume ${name}: only on one side`)
}

/** A pod waits for ever for a secret that is not there: of a file that no container names itself, a run may have no need. */
function optionalProblems({ spec }: Workload): string[] {
  const words = textsOf(containersOf(spec).map(({ args, command }) => [args, command])).join(' ')
  const mounts = containersOf(spec).flatMap(({ volumeMounts = [] }) => volumeMounts)
  return (spec.volumes ?? [])
    .filter(({ secret }) => secret !== undefined)
    .filter(({ name, secret }) => {
      const isNamed = mounts.some(
        (mount) => mount.name === name && words.includes(`${mount.mountPath}/`),
      )
      return isNamed === (secret?.optional === true)
    })
    .map(({ name, secret }) =>
      secret?.optional === true
        ? `volume ${name}: is optional, and its containers need it`
        : `volume ${name}: a run without it would wait for ever`,
    )
}

function variableProblems(cluster: Cluster, { spec }: Workload): string[] {
  return containersOf(spec).flatMap(({ args = [], env = [] }) => {
    const refs = env.flatMap(({ valueFrom }) => valueFrom?.configMapKeyRef ?? [])
    const used = args.flatMap((text) =>
      [...text.matchAll(/\$\((\w+)\)/g)].map(([, name = '']) => name),
    )
    const known = new Set(env.map(({ name }) => name))
    return [
      ...refs
        .filter(({ name, key }) => configured(cluster, name, key) === undefined)
        .map(({ name, key }) => `ConfigMap ${name} has no ${key}`),
      ...used.filter((name) => !known.has(name)).map((name) => `$(${name}) is no variable`),
    ]
  })
}

/** Files that arguments, commands or a mounted configuration name must lie in a volume that has them. */
function fileProblems(cluster: Cluster, secrets: Secrets, { spec }: Workload): string[] {
  return containersOf(spec).flatMap(({ args, command, volumeMounts = [] }) => {
    const mounts = volumeMounts.map(({ name, mountPath }) => ({
      mountPath,
      volume: spec.volumes?.find((volume) => volume.name === name),
    }))
    const configs = mounts.flatMap(({ volume }) => {
      const name = volume?.configMap?.name ?? ''
      const { data = {} } = cluster.configMaps.find(({ metadata }) => metadata?.name === name) ?? {}
      return Object.values(data)
    })
    const words = textsOf([args, command, configs]).flatMap((text) => text.split(/[\s"()]+/))
    const files = words.filter((word) => /^\/(run|etc)\/[\w./-]*[\w-]$/.test(word))
    return [...new Set(files)]
      .filter((file) => !mounts.some((mount) => holds(cluster, secrets, mount, file)))
      .map((file) => `${file}: in no volume`)
  })
}

function holds(
  cluster: Cluster,
  secrets: Secrets,
  { mountPath, volume }: { readonly mountPath: string; readonly volume: IVolume | undefined },
  file: string,
): boolean {
  if (!file.startsWith(`${mountPath}/`)) return false
  const key = file.slice(mountPath.length + 1)
  const { configMap, secret } = volume ?? {}
  return configMap?.name === undefined
    ? secrets.get(secret?.secretName ?? '')?.has(key) === true
    : configured(cluster, configMap.name, key) !== undefined
}

/** `redis://NAME:PORT` in arguments is a Service's. */
function addressProblems({ services }: Cluster, { spec }: Workload): string[] {
  const urls = containersOf(spec).flatMap(({ args = [] }) =>
    args.filter((text) => text.startsWith('redis://')).map((text) => new URL(text)),
  )
  return urls
    .filter(
      ({ hostname, port }) =>
        !services.some(
          ({ metadata, spec: service }) =>
            metadata?.name === hostname &&
            service?.ports?.some((one) => String(one.port) === port) === true,
        ),
    )
    .map(({ host }) => `${host}: no Service`)
}

/** A Service takes pods, and its ports are theirs. */
function serviceProblems({ services, workloads }: Cluster): string[] {
  return services.flatMap(({ metadata, spec }) => {
    const pods = selected(workloads, { matchLabels: spec?.selector ?? {} })
    const ports = pods.flatMap(({ spec: pod }) =>
      containersOf(pod).flatMap(({ ports: all = [] }) => all.map(({ name }) => name)),
    )
    const targets = (spec?.ports ?? []).map(({ targetPort }) => String(targetPort))
    return pods.length === 1 && targets.every((target) => ports.includes(target))
      ? []
      : [`Service ${metadata?.name ?? ''}: its pods have no such port, or there are none`]
  })
}
