import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { parseAllDocuments } from 'yaml'
import { parseConfig } from '../../bench/targets/config-file.ts'
import { clusterOf, configured } from './checks/cluster.ts'
import { buildKustomization, select } from './checks/kustomize.ts'
import { flowsOf } from './checks/network.ts'
import { replaceAt } from './checks/place.ts'
import { problemsOf, secretsOf, settingProblems } from './checks/problems.ts'
import { nameOf, schemaProblems } from './checks/schema.ts'

const folder = join(import.meta.dirname, 'example')
const secrets = secretsOf(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8'))

test('the example has these objects, and nothing is wrong with them', () => {
  const objects = buildKustomization(folder)
  assert.deepEqual(objects.map(nameOf), [
    'Namespace trustbench',
    'NetworkPolicy default-deny',
    'NetworkPolicy target',
    'NetworkPolicy issuer',
    'NetworkPolicy dns',
    'NetworkPolicy rendezvous',
    'NetworkPolicy redis',
    'Deployment redis',
    'Service redis',
    'PersistentVolumeClaim results',
    'Pod results',
    'Job coordinator',
    'Job seats',
    'ConfigMap redis',
    'ConfigMap run',
    'ConfigMap trustbench',
  ])
  assert.deepEqual(problemsOf(objects, secrets), [])
})

test('these connections are let through, and no other', () => {
  const out = (from: string) =>
    [
      '203.0.113.10/32 TCP/443',
      '203.0.113.20/32 TCP/443',
      'kubernetes.io/metadata.name=kube-system k8s-app=kube-dns TCP/53',
      'kubernetes.io/metadata.name=kube-system k8s-app=kube-dns UDP/53',
      'redis TCP/6379',
    ].map((to) => `${from} > ${to}`)
  assert.deepEqual(flowsOf(clusterOf(buildKustomization(folder))), [
    ...out('coordinator'),
    'redis < coordinator TCP/6379',
    'redis < seats TCP/6379',
    ...out('seats'),
  ])
})

test('the configuration is one that bench takes, and its ports are those that policies open', () => {
  const cluster = clusterOf(buildKustomization(folder))
  const file = 'trustbench.config.json'
  const config = parseConfig(JSON.parse(configured(cluster, 'trustbench', file) ?? ''), file)
  const ports = [...config.targets.map(({ url }) => url), config.issuer ?? '']
    .map((url) => new URL(url))
    .map(({ port, protocol }) => port || (protocol === 'https:' ? '443' : '80'))
  const opened = flowsOf(cluster)
    .filter((flow) => /^seats > [\d.]+\//.test(flow))
    .map((flow) => flow.split('/').at(-1))
  assert.deepEqual(opened, ports)
  // A connection has one request at a time: enough of them for answers of 0.1 s, and the same number for every seat.
  const { rate = 0, maxConnections = 0 } = config
  assert.equal(maxConnections, rate * 0.1)
  assert.equal(maxConnections % Number(configured(cluster, 'run', 'seats')), 0)
})

test('kubectl builds the same objects', { skip: noKubectl() }, () => {
  for (const name of ['base', 'example']) {
    const built = spawnSync('kubectl', ['kustomize', join(import.meta.dirname, name)], {
      encoding: 'utf8',
    })
    assert.equal(built.status, 0, built.stderr)
    const theirs = parseAllDocuments(built.stdout).map((one) => {
      const object: unknown = one.toJS()
      return object
    })
    const ours = buildKustomization(join(import.meta.dirname, name))
    assert.deepEqual(byName(ours), byName(theirs))
  }
})

test('what kustomize could do and our builder cannot is an error, not a difference', () => {
  assert.throws(() => buildKustomization(join(import.meta.dirname, 'nowhere')), /ENOENT/)
  assert.throws(() => {
    select(buildKustomization(folder), { kind: 'Job', name: 'seat' })
  }, /^TypeError: Job seat: 0 in the kustomization, expected one$/)
})

const pod = 'spec/template/spec'
const first = `${pod}/containers/0`
const apart = `${pod}/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/labelSelector/matchExpressions/0`
const besideResults = {
  topologyKey: 'kubernetes.io/hostname',
  labelSelector: { matchLabels: { 'app.kubernetes.io/component': 'results' } },
}
type Break = readonly [kind: string, name: string, path: string, value: unknown, told: RegExp]

/** What Kubernetes’ own schemas refuse. */
const unfit: readonly Break[] = [
  ['Job', 'seats', 'spec/completionMode', 'Index', /not assignable|must be equal to one of/],
  ['Job', 'seats', 'spec/completions', '4', /integer/],
  [
    'Job',
    'seats',
    'spec',
    { template: {}, completion: 4 },
    /'"completion"' does not exist in type/,
  ],
  [
    ...(['Job', 'seats', `${first}/securityContext`] as const),
    { readOnlyRootFileSystem: true },
    /'"readOnlyRootFileSystem"' does not exist in type/,
  ],
  ['Job', 'seats', 'apiVersion', 'batch/v2', /no kind that is known here/],
]

const breaks: readonly Break[] = [
  // Pods.
  ['Job', 'seats', `${pod}/securityContext/runAsUser`, 0, /^seats: may run as root$/],
  ['Job', 'seats', `${pod}/securityContext/runAsNonRoot`, undefined, /^seats: may run as root$/],
  ['Pod', 'results', 'spec/securityContext/seccompProfile', undefined, /^results: has no seccomp/],
  [
    'Job',
    'seats',
    `${pod}/automountServiceAccountToken`,
    true,
    /gets a token of a service account/,
  ],
  ['Deployment', 'redis', `${pod}/enableServiceLinks`, undefined, /gets variables/],
  ['Job', 'seats', `${pod}/securityContext/fsGroup`, undefined, /^seats: cannot read its secrets/],
  ['Job', 'seats', `${pod}/volumes/1/secret/defaultMode`, 0o444, /another mode than 0400/],
  ['Job', 'seats', `${first}/securityContext/readOnlyRootFilesystem`, false, /seat: may write to/],
  ['Job', 'seats', `${first}/securityContext/allowPrivilegeEscalation`, true, /seat: may gain/],
  ['Job', 'seats', `${first}/securityContext/capabilities/drop`, ['NET_RAW'], /keeps capabilities/],
  ['Job', 'seats', `${first}/resources/limits/cpu`, '4', /seat: is not of QoS Guaranteed/],
  ['Job', 'seats', `${first}/image`, 'registry.example/trustbench:latest', /without a version/],
  [
    ...(['Job', 'seats', `${first}/env/0/valueFrom`] as const),
    { secretKeyRef: { name: 'client', key: 'client-secret' } },
    /seat: has a secret in a variable/,
  ],
  // Jobs.
  ['Job', 'seats', 'spec/completionMode', undefined, /^seats: pods have no index$/],
  ['Job', 'seats', 'spec/parallelism', 3, /^seats: parallelism is 3, ConfigMap run says 4$/],
  ['ConfigMap', 'run', 'data/seats', '5', /^seats: completions is 4, ConfigMap run says 5$/],
  ['Job', 'coordinator', `${first}/args/4`, '7', /^seats: --seats is 7, ConfigMap run says 4$/],
  ['Job', 'seats', 'spec/backoffLimitPerIndex', undefined, /count against all$/],
  ['Job', 'seats', 'spec/podFailurePolicy/rules/0/action', 'Ignore', /is ignored silently$/],
  ['Job', 'seats', 'spec/podFailurePolicy', undefined, /evictions are not told apart$/],
  ['Job', 'seats', 'spec/podReplacementPolicy', undefined, /two pods of one seat/],
  ['Job', 'seats', `${first}/imagePullPolicy`, undefined, /^seats: a node keeps the code of a tag/],
  ['Job', 'coordinator', `${first}/imagePullPolicy`, 'IfNotPresent', /^coordinator: a node keeps/],
  ['Job', 'seats', `${pod}/restartPolicy`, 'OnFailure', /a container would be started again$/],
  ['Job', 'coordinator', 'spec/activeDeadlineSeconds', undefined, /^coordinator: nothing ends it$/],
  ['Job', 'seats', 'spec/ttlSecondsAfterFinished', undefined, /^seats: stays for ever$/],
  ['Job', 'coordinator', 'spec/backoffLimit', 1, /^coordinator: would be tried again$/],
  // Times.
  ['Job', 'seats', `${first}/args`, ['seat'], /^seats: give up before a coordinator/],
  ['Job', 'seats', `${first}/args/10`, '600s', /^seats: give up before a coordinator/],
  ['Job', 'coordinator', `${first}/args/12`, '15m', /^seats: give up before a coordinator/],
  // 900 s + 600 s of waits, 60 s of load, 120 s around it.
  ['Job', 'seats', 'spec/activeDeadlineSeconds', 1_679, /^seats: is ended .* needs 1680 s$/],
  ['Job', 'coordinator', 'spec/activeDeadlineSeconds', 1_679, /^coordinator: is ended at its/],
  [
    'ConfigMap',
    'trustbench',
    'data/trustbench.config.json',
    '{"maxDuration":"40m"}',
    /^coordinator: is ended .* needs 4020 s$/,
  ],
  // Nodes.
  ['Job', 'seats', `${pod}/affinity`, undefined, /^seats: may share a node with seats, and its/],
  ...['seat', 'coordinator', 'redis'].map((component, index): Break => [
    ...(['Job', 'seats', `${apart}/values/${index}`, 'x'] as const),
    new RegExp(`^seats: may share a node with ${component}`),
  ]),
  ['Job', 'seats', `${apart}/values/1`, 'x', /^seats: may share a node with results/],
  ['Pod', 'results', 'spec/affinity', undefined, /^results: may take results where coordinator/],
  [
    'Job',
    'coordinator',
    `${pod}/affinity/podAffinity`,
    { requiredDuringSchedulingIgnoredDuringExecution: [besideResults] },
    /^coordinator: must find room where results is$/,
  ],
  // References.
  ['Job', 'seats', `${pod}/volumes/1/secret/optional`, undefined, /client: a run without it would/],
  ['Job', 'coordinator', `${pod}/volumes/1/secret/optional`, false, /client: a run without it/],
  ['Job', 'seats', `${pod}/volumes/1/secret/secretName`, 'clients', /nobody makes what it mounts/],
  ['Job', 'seats', `${pod}/volumes/0/configMap/name`, 'config', /nobody makes what it mounts/],
  ['Job', 'coordinator', `${pod}/volumes/4/persistentVolumeClaim/claimName`, 'x', /nobody makes/],
  [
    'Job',
    'seats',
    `${first}/volumeMounts/3/name`,
    'temp',
    /^seats: volume temp: only on one side$/,
  ],
  [
    'Job',
    'seats',
    `${first}/env/0/valueFrom/configMapKeyRef/key`,
    'id',
    /^seats: .*run has no id$/,
  ],
  ['Job', 'seats', `${first}/env/0/name`, 'RUN', /^seats: \$\(RUN_ID\) is no variable$/],
  ['Job', 'seats', `${first}/args/2`, '/etc/trustbench/config.json', /config\.json: in no volume$/],
  ['Job', 'seats', `${first}/volumeMounts/1/mountPath`, '/run/c', /client-key\.pem: in no volume$/],
  ['Service', 'redis', 'metadata/name', 'store', /^seats: redis:6379: no Service$/],
  ['Service', 'redis', 'spec/ports/0/port', 6380, /^coordinator: redis:6379: no Service$/],
  ['Service', 'redis', 'spec/ports/0/targetPort', 'tcp', /^Service redis: its pods have no such/],
  // Network.
  ['NetworkPolicy', 'default-deny', 'spec/policyTypes', ['Ingress'], /^open: redis > anything/],
  [
    'NetworkPolicy',
    'default-deny',
    'spec/podSelector',
    { matchLabels: { a: 'b' } },
    /takes no pod/,
  ],
  ['NetworkPolicy', 'target', 'spec/egress/0/to', undefined, /^open: seats > anything TCP\/443$/],
  ['NetworkPolicy', 'target', 'spec/egress/0', {}, /^open: seats > anything any port$/],
  ['NetworkPolicy', 'target', 'spec/egress/0/ports', undefined, /^open: .*\/32 any port$/],
  [
    'NetworkPolicy',
    'target',
    'spec/egress/0/to/0/ipBlock/cidr',
    '0.0.0.0/0',
    /^open: .* 0\.0\.0\.0/,
  ],
  [
    'NetworkPolicy',
    'redis',
    'spec/ingress/0/from',
    undefined,
    /^open: redis < anything TCP\/6379$/,
  ],
]

for (const [breaking, problemsIn] of [
  [unfit, schemaProblems],
  [breaks, (objects: readonly unknown[]) => settingProblems(objects, secrets)],
] as const) {
  for (const [kind, name, path, value, told] of breaking) {
    const shown = value === undefined ? 'left out' : JSON.stringify(value)
    test(`caught: ${kind} ${name} with ${path} ${shown}`, () => {
      const objects = buildKustomization(folder)
      replaceAt(select(objects, { kind, name }), path.split('/'), value)
      const problems = problemsIn(objects)
      assert.ok(
        problems.some((problem) => told.test(problem)),
        problems.join('\n'),
      )
    })
  }
}

test('caught: a secret that README.md does not tell its reader to make', () => {
  const objects = buildKustomization(folder)
  assert.deepEqual([...secrets.keys()], ['rendezvous', 'client'])
  const problems = settingProblems(
    objects,
    new Map([['client', secrets.get('client') ?? new Set()]]),
  )
  assert.ok(problems.includes('redis: volume rendezvous: nobody makes what it mounts'))
})

function byName(objects: readonly unknown[]): unknown[] {
  return objects.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
}

/** Why kubectl cannot be asked. That of Debian 12 has a kustomize of before `replacements`, so its absence is no failure on CI. */
function noKubectl(): string | false {
  const { stdout } = spawnSync('kubectl', ['version', '--client'], { encoding: 'utf8' })
  // A missing program has no output at all.
  return /Kustomize Version: v[5-9]/.test(stdout) ? false : 'no kubectl with kustomize 5'
}
