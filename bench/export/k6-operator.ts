import { credentialFilesOf, variablesOf, type K6Plan } from './k6-plan.ts'

/** Manifests for k6-operator: the script as a ConfigMap, and the TestRun that runs it on so many runners. */
export function k6Manifests(plan: K6Plan, script: string): string {
  const file = `${plan.case.scenario.name}.js`
  const name = resourceName(plan)
  return `${headOf(plan)}apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
data:
  ${file}: |
${indented(script)}---
apiVersion: k6.io/v1alpha1
kind: TestRun
metadata:
  name: ${name}
spec:
  parallelism: ${plan.load.seats}
  script:
    configMap:
      name: ${name}
      file: ${file}
${initializer}  runner:
    metadata:
      labels:
        part: runner
${environmentOf(plan)}${volumesOf(plan)}`
}

/** Name of the ConfigMap, the TestRun and the Secret of a plan. */
export function resourceName(plan: K6Plan): string {
  return `trustbench-${plan.case.scenario.name}`
}

/** The command that makes the Secret of a plan, which is in no file here; null where it needs none. */
export function secretCommand(plan: K6Plan): string | null {
  const files = credentialFilesOf(plan)
  if (files.length === 0) return null
  const from = files.map((file) => `--from-file=${file}`).join(' ')
  return `kubectl create secret generic ${resourceName(plan)} ${from}`
}

function headOf(plan: K6Plan): string {
  const secret = secretCommand(plan)
  return [
    `# ${plan.case.scenario.name} on ${plan.load.seats} runners of k6-operator (grafana/k6-operator)`,
    ...(secret === null ? [] : ['# Credentials are in no file here; first:', `#   ${secret}`]),
    '# The thresholds are judged by each runner, of its own share of the load.',
    '',
  ].join('\n')
}

/** A block scalar: the script has no control characters, so that nothing of it needs an escape. */
function indented(script: string): string {
  return script.replace(/^(?=.)/gm, '    ')
}

function environmentOf(plan: K6Plan): string {
  const isMounted = credentialFilesOf(plan).length > 0
  const variables = variablesOf(plan)
    .filter((name) => name !== 'CREDENTIALS')
    .map((name) => `      # Yours; see the script.\n      - name: ${name}\n        value: ""\n`)
  const mount = isMounted
    ? `      - name: CREDENTIALS
        value: ${mountPath}
      # A private authority: add --from-file=ca.pem to the Secret, and this.
      # - name: SSL_CERT_FILE
      #   value: ${mountPath}/ca.pem
`
    : ''
  const all = variables.join('') + mount
  return all === '' ? '' : `    env:\n${all}`
}

function volumesOf(plan: K6Plan): string {
  if (credentialFilesOf(plan).length === 0) return ''
  return `    volumes:
      - name: credentials
        secret:
          secretName: ${resourceName(plan)}
    volumeMounts:
      - name: credentials
        mountPath: ${mountPath}
        readOnly: true
`
}

const mountPath = '/credentials'
const initializer = `  # One of its own: else it gets the variables of the runners, and its log, by k6 inspect, all options of
  # the script, with the private key among them.
  initializer:
    metadata:
      labels:
        part: initializer
`
