import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import type { TSchema } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import { CompareEnvelopeSchema, RunEnvelopeSchema } from '../analysis/envelope-schema.ts'
import { HistoryEnvelopeSchema } from '../analysis/history-schema.ts'
import { SizeEnvelopeSchema } from '../analysis/sizing-schema.ts'
import { cli, startCli, temporaryFolder } from '../cli-testbed.ts'
import { DoctorEnvelopeSchema } from '../doctor/present.ts'
import { DemandSchema } from '../demand.ts'
import { RunSchema } from '../results.ts'
import {
  ClaimsEnvelopeSchema,
  ExportEnvelopeSchema,
  SelftestEnvelopeSchema,
  ServerEnvelopeSchema,
  VerifyEnvelopeSchema,
} from './envelopes.ts'

function assertFits(schema: TSchema, out: string): void {
  const value: unknown = JSON.parse(out)
  const check = new Ajv().compile(schema)
  assert.ok(check(value), JSON.stringify(check.errors))
}

const reference = join(import.meta.dirname, '..', '..', 'results', 'reference', 'reference.json')
const commands: [string[], TSchema, boolean][] = [
  [['bench', 'mtls', '--smoke'], RunEnvelopeSchema, true],
  [['bench', 'mtls', '--load', 'open', '--rate', '100', '--smoke'], RunEnvelopeSchema, true],
  [['bench', 'tls', '--load', 'churn', '--storm', '5', '--smoke'], RunEnvelopeSchema, true],
  [['verify', 'mtls', 'jwt'], VerifyEnvelopeSchema, false],
  [['compare', reference, reference], CompareEnvelopeSchema, true],
  [['compare', '--live', 'HEAD', 'http', '--smoke'], RunEnvelopeSchema, true],
  [['compare', '--history'], HistoryEnvelopeSchema, true],
  [
    ['selftest', 'http', '--smoke', '--rounds', '1', '--inject', '5%'],
    SelftestEnvelopeSchema,
    true,
  ],
  [['doctor'], DoctorEnvelopeSchema, true],
  [
    [
      ...['size', '--run', reference, '--cpu-factor', '1', '--scenario', 'combined'],
      ...['--rate', '20000', '--p99', '25ms', '--cores-per-instance', '8', '--scaling', '0.9'],
    ],
    SizeEnvelopeSchema,
    true,
  ],
  [['export', 'k6', 'http', 'combined'], ExportEnvelopeSchema, true],
  [['claims', 'S9', 'O1', 'N1', '--smoke'], ClaimsEnvelopeSchema, true],
]
for (const [argv, schema, stores] of commands) {
  test(`${argv.slice(0, 3).join(' ')} --json prints one object that fits its published schema, and nothing else`, async (t) => {
    const results = stores ? ['--results', temporaryFolder(t)] : []
    const { exitCode, out, err } = await cli([...argv, '--json', ...results])
    // A busy machine is unfit, and that is an answer too.
    if (argv[0] !== 'doctor') assert.equal(exitCode, 0, err)
    assertFits(schema, out)
  })
}

test('server --json prints one object that fits its published schema', async (t) => {
  const process = startCli(t, ['server', 'jwt', '--json'])
  await process.saw(/\}\n/)
  assertFits(ServerEnvelopeSchema, process.output().out)
  process.child.kill('SIGINT')
  assert.equal((await process.ended).exitCode, 0)
})

test('bench --schema prints the JSON Schema of a Run file', async () => {
  const { exitCode, out } = await cli(['bench', '--schema'])
  assert.equal(exitCode, 0)
  assert.deepEqual(JSON.parse(out), JSON.parse(JSON.stringify(RunSchema)))
})

test('size --schema prints the JSON Schema of a demand file', async () => {
  const { exitCode, out } = await cli(['size', '--schema'])
  assert.equal(exitCode, 0)
  assert.deepEqual(JSON.parse(out), JSON.parse(JSON.stringify(DemandSchema)))
})
