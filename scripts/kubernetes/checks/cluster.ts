import { Deployment, type IDeployment } from 'kubernetes-models/apps/v1'
import { Job, type IJob } from 'kubernetes-models/batch/v1'
import { NetworkPolicy, type INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import {
  ConfigMap,
  PersistentVolumeClaim,
  Pod,
  Service,
  type IConfigMap,
  type IContainer,
  type IPersistentVolumeClaim,
  type IPod,
  type IPodSpec,
  type IService,
} from 'kubernetes-models/v1'

/** Objects of a kustomization that fit their schemas, by kind. */
export interface Cluster {
  readonly jobs: readonly IJob[]
  readonly services: readonly IService[]
  readonly configMaps: readonly IConfigMap[]
  readonly claims: readonly IPersistentVolumeClaim[]
  readonly policies: readonly INetworkPolicy[]
  /** Whatever makes pods. */
  readonly workloads: readonly Workload[]
}

/** Pods of one kind. */
export interface Workload {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly spec: IPodSpec
}

/** Sorts objects by kind; they must have been found good by `schemaProblems`. */
export function clusterOf(objects: readonly unknown[]): Cluster {
  const jobs = objects.filter(Job.is)
  return {
    jobs,
    services: objects.filter(Service.is),
    configMaps: objects.filter(ConfigMap.is),
    claims: objects.filter(PersistentVolumeClaim.is),
    policies: objects.filter(NetworkPolicy.is),
    workloads: [
      ...objects.filter(Pod.is).flatMap(ofPod),
      ...[...objects.filter(Deployment.is), ...jobs].flatMap(ofTemplate),
    ],
  }
}

function ofPod({ metadata, spec }: IPod): Workload[] {
  if (spec === undefined) return []
  return [{ name: metadata?.name ?? '', labels: metadata?.labels ?? {}, spec }]
}

function ofTemplate({ metadata, spec }: IDeployment | IJob): Workload[] {
  const template = spec?.template
  if (template?.spec === undefined) return []
  const labels = template.metadata?.labels ?? {}
  return [{ name: metadata?.name ?? '', labels, spec: template.spec }]
}

/** The Job of a name; throws where it is not there. */
export function jobOf({ jobs }: Cluster, name: string): IJob {
  const job = jobs.find(({ metadata }) => metadata?.name === name)
  if (job === undefined) throw new TypeError(`Job ${name}: not in the kustomization`)
  return job
}

/** Containers of a pod, those that run before the others first. */
export function containersOf({ initContainers = [], containers }: IPodSpec): IContainer[] {
  return [...initContainers, ...containers]
}

/** The value of a key of a ConfigMap; undefined where there is none. */
export function configured(
  { configMaps }: Cluster,
  name: string | undefined,
  key: string,
): string | undefined {
  return configMaps.find(({ metadata }) => metadata?.name === name)?.data?.[key]
}

/** Arguments of the container of a Job that is called like `container`, with variables put in as Kubernetes does. */
export function argumentsOf(cluster: Cluster, job: string, container: string): string[] {
  const { containers = [] } = jobOf(cluster, job).spec?.template.spec ?? {}
  const { args = [], env = [] } = containers.find(({ name }) => name === container) ?? {}
  const variable = (wanted: string): string | undefined => {
    const found = env.find(({ name }) => name === wanted)
    const ref = found?.valueFrom?.configMapKeyRef
    return ref === undefined ? found?.value : configured(cluster, ref.name, ref.key)
  }
  // A variable that is not known stays as it stands.
  return args.map((text) =>
    text.replace(/\$\((\w+)\)/g, (all, name: string) => variable(name) ?? all),
  )
}

/** What stands behind an option. */
export function valueOf(args: readonly string[], option: string): string | undefined {
  const index = args.indexOf(option)
  return index < 0 ? undefined : args[index + 1]
}
