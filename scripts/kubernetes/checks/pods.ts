import type { IContainer, IPodSpec } from 'kubernetes-models/v1'
import { containersOf, type Workload } from './cluster.ts'

/** What a pod may do that it need not, and what it does not say of its size: none is right. */
export function podProblems({ name, spec }: Workload): string[] {
  const problems = [
    ...podRules.filter(({ holds }) => !holds(spec)).map(({ told }) => told),
    ...containersOf(spec).flatMap((container) =>
      containerRules
        .filter(({ holds }) => !holds(container))
        .map(({ told }) => `${container.name}: ${told}`),
    ),
  ]
  return problems.map((problem) => `${name}: ${problem}`)
}

interface Rule<T> {
  readonly told: string
  readonly holds: (value: T) => boolean
}

const podRules: readonly Rule<IPodSpec>[] = [
  { told: 'may run as root', holds: isNotRoot },
  {
    told: 'has no seccomp profile of the runtime',
    holds: ({ securityContext }) => securityContext?.seccompProfile?.type === 'RuntimeDefault',
  },
  {
    told: 'gets a token of a service account',
    holds: ({ automountServiceAccountToken }) => automountServiceAccountToken === false,
  },
  {
    told: 'gets variables of every Service',
    holds: ({ enableServiceLinks }) => enableServiceLinks === false,
  },
  {
    told: 'is on the host’s network or among its processes',
    holds: ({ hostNetwork, hostPID, hostIPC }) =>
      [hostNetwork, hostPID, hostIPC].every((one) => one === undefined),
  },
  {
    told: 'mounts a folder of its node',
    holds: ({ volumes = [] }) => volumes.every(({ hostPath }) => hostPath === undefined),
  },
  {
    told: 'mounts a secret with another mode than 0400',
    holds: ({ volumes = [] }) =>
      volumes.every(({ secret }) => secret === undefined || secret.defaultMode === 0o400),
  },
  {
    told: 'cannot read its secrets: no group is given (fsGroup)',
    holds: ({ securityContext }) => securityContext?.fsGroup !== undefined,
  },
]

const containerRules: readonly Rule<IContainer>[] = [
  {
    told: 'may gain privileges',
    holds: ({ securityContext }) =>
      securityContext?.allowPrivilegeEscalation === false &&
      securityContext.privileged !== true &&
      securityContext.runAsUser === undefined,
  },
  {
    told: 'may write to its image',
    holds: ({ securityContext }) => securityContext?.readOnlyRootFilesystem === true,
  },
  {
    told: 'keeps capabilities',
    holds: ({ securityContext: { capabilities } = {} }) =>
      capabilities?.drop?.includes('ALL') === true && capabilities.add === undefined,
  },
  { told: 'is not of QoS Guaranteed: requests are not its limits', holds: isGuaranteed },
  { told: 'has an image without a version', holds: isPinned },
  {
    told: 'has a secret in a variable',
    holds: ({ env = [], envFrom = [] }) =>
      envFrom.length === 0 && env.every(({ valueFrom }) => valueFrom?.secretKeyRef === undefined),
  },
]

function isNotRoot({ securityContext }: IPodSpec): boolean {
  const { runAsNonRoot, runAsUser = 0, runAsGroup = 0 } = securityContext ?? {}
  return runAsNonRoot === true && runAsUser > 0 && runAsGroup > 0
}

function isGuaranteed({ resources: { requests = {}, limits = {} } = {} }: IContainer): boolean {
  return ['cpu', 'memory'].every(
    (name) => requests[name] !== undefined && requests[name] === limits[name],
  )
}

/** A digest, or a tag that has a number in it: `latest` and `stable` move. */
function isPinned({ image = '' }: IContainer): boolean {
  return /(:[\w.-]*\d[\w.-]*|@sha256:[\da-f]{64})$/.test(image)
}
