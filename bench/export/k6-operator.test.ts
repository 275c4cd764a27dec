import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { Type, type TSchema } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { parseAllDocuments } from 'yaml'
import { expand } from '../cases.ts'
import type { Scenario } from '../scenario.ts'
import { findScenario, loadScenarios } from '../scenarios.ts'
import { k6Manifests, secretCommand } from './k6-operator.ts'
import { k6Plan, type K6Issuer, type K6Plan } from './k6-plan.ts'
import { k6Script } from './k6-script.ts'

const scenarios = await loadScenarios(join(import.meta.dirname, '..', '..'))

function planOf(
  scenario: Scenario,
  { target = null, issuer = {} }: { readonly target?: URL | null; readonly issuer?: K6Issuer } = {},
): K6Plan {
  const [trial] = expand(scenario, {})
  assert.ok(trial)
  const load = {
    ...{ ratePerSecond: 100, durationSeconds: 60, sloP99Ms: 100 },
    ...{ errorShare: 0.001, seats: 4 },
  }
  return k6Plan(trial, { target, issuer, load })
}

/** The ConfigMap and the TestRun of a plan, each as its schema wants it. */
function manifestsOf(plan: K6Plan) {
  const script = k6Script(plan)
  const text = k6Manifests(plan, script)
  const documents = parseAllDocuments(text, { version: '1.2' })
  const faults = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])
  assert.deepEqual(faults, [])
  const [configMap, testRun, ...others] = documents.map((one) => one.toJS() as unknown)
  assert.equal(others.length, 0)
  return { script, text, configMap, testRun }
}

function faultOf(schema: TSchema, value: unknown): string | null {
  const check = new Ajv().compile(schema)
  return check(value) ? null : JSON.stringify(check.errors)
}

// No package has a schema of TestRun: these are the fields that are used here, as the resource definition of
// k6-operator 1.6 has them, and no others. Values of variables are text in Kubernetes, never numbers.
const strict = { additionalProperties: false } as const
const text = Type.String({ minLength: 1 })
const name = Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$' })
const labels = Type.Object({ labels: Type.Record(text, text) }, strict)
const ConfigMapSchema = Type.Object(
  {
    apiVersion: Type.Literal('v1'),
    kind: Type.Literal('ConfigMap'),
    metadata: Type.Object({ name }, strict),
    data: Type.Record(text, Type.String()),
  },
  strict,
)
const TestRunSchema = Type.Object(
  {
    apiVersion: Type.Literal('k6.io/v1alpha1'),
    kind: Type.Literal('TestRun'),
    metadata: Type.Object({ name }, strict),
    spec: Type.Object(
      {
        parallelism: Type.Integer({ minimum: 1 }),
        script: Type.Object({ configMap: Type.Object({ name, file: text }, strict) }, strict),
        initializer: Type.Object({ metadata: labels }, strict),
        runner: Type.Object(
          {
            metadata: labels,
            env: Type.Optional(
              Type.Array(Type.Object({ name: text, value: Type.String() }, strict)),
            ),
            volumes: Type.Optional(
              Type.Array(
                Type.Object({ name, secret: Type.Object({ secretName: name }, strict) }, strict),
              ),
            ),
            volumeMounts: Type.Optional(
              Type.Array(
                Type.Object({ name, mountPath: text, readOnly: Type.Literal(true) }, strict),
              ),
            ),
          },
          strict,
        ),
      },
      strict,
    ),
  },
  strict,
)

const named = (scenario: string) => planOf(findScenario(scenario, scenarios))

for (const scenario of ['http', 'tls', 'mtls', 'jwt', 'combined', 'token-gateway']) {
  test(`${scenario}: a ConfigMap with the script byte for byte, and a TestRun that fits`, () => {
    const { script, configMap, testRun } = manifestsOf(named(scenario))
    assert.equal(faultOf(ConfigMapSchema, configMap), null)
    assert.equal(faultOf(TestRunSchema, testRun), null)
    assert.deepEqual(configMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `trustbench-${scenario}` },
      data: { [`${scenario}.js`]: script },
    })
  })
}

test('the check of a TestRun finds a field that is not one, and a value that is no text', () => {
  const { testRun } = manifestsOf(named('combined'))
  const wrong = JSON.stringify(testRun).replace('"parallelism":4', '"parallelism":"4"')
  assert.match(faultOf(TestRunSchema, JSON.parse(wrong)) ?? '', /parallelism/)
  const stray = JSON.stringify(testRun).replace('"readOnly"', '"readonly"')
  assert.match(faultOf(TestRunSchema, JSON.parse(stray)) ?? '', /readOnly/)
})

test('credentials are referenced, the initializer gets none, and what is not set is to fill in', () => {
  const { testRun } = manifestsOf(named('combined'))
  assert.deepEqual(testRun, {
    apiVersion: 'k6.io/v1alpha1',
    kind: 'TestRun',
    metadata: { name: 'trustbench-combined' },
    spec: {
      parallelism: 4,
      script: { configMap: { name: 'trustbench-combined', file: 'combined.js' } },
      initializer: { metadata: { labels: { part: 'initializer' } } },
      runner: {
        metadata: { labels: { part: 'runner' } },
        env: [
          { name: 'TARGET_URL', value: '' },
          { name: 'TOKEN_URL', value: '' },
          { name: 'CREDENTIALS', value: '/credentials' },
        ],
        volumes: [{ name: 'credentials', secret: { secretName: 'trustbench-combined' } }],
        volumeMounts: [{ name: 'credentials', mountPath: '/credentials', readOnly: true }],
      },
    },
  })
  assert.equal(
    secretCommand(named('combined')),
    'kubectl create secret generic trustbench-combined --from-file=client-chain.pem --from-file=client-key.pem',
  )
  assert.equal(secretCommand(named('tls')), null)
})

test('what a user says cannot leave its place in the YAML', () => {
  const hostile = '"\'\n---\nkind: Pod\n: - | {{ x }} #é\u0085\u2028\u0007'
  const url = new URL(`https://gw.example/${hostile}?${hostile}`)
  const plan = planOf(
    { ...findScenario('jwt', scenarios), question: `Is it so?\n---\nkind: Pod\u0085` },
    {
      target: url,
      issuer: { tokenUrl: url, clientId: hostile, scope: hostile, resource: hostile },
    },
  )
  const { script, configMap, testRun } = manifestsOf(plan)
  assert.equal(faultOf(ConfigMapSchema, configMap), null)
  assert.equal(faultOf(TestRunSchema, testRun), null)
  assert.deepEqual(Object.values((configMap as { data: object }).data), [script])
})
