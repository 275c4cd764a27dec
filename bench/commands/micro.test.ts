import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import test from 'node:test'
import { Ajv } from 'ajv'
import { RunEnvelopeSchema, type RunEnvelope } from '../analysis/envelope-schema.ts'
import { cli, startCli, temporaryFolder } from '../cli-testbed.ts'

const validate = new Ajv().compile<RunEnvelope>(RunEnvelopeSchema)

test('primitives alone: no server, no case, each primitive once', async (t) => {
  const words = ['micro', 'none', '--smoke', '--json', '--results', temporaryFolder(t)]
  const { exitCode, out, err } = await startCli(t, words).ended
  assert.equal(exitCode, 0, err)
  const envelope: unknown = JSON.parse(out)
  assert.ok(validate(envelope), JSON.stringify(validate.errors))
  const { cases, primitives, ledgers, charts } = envelope
  assert.deepEqual([cases, ledgers, charts], [[], [], []])
  const ids = primitives.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  for (const start of ['JWT ES256: fast-jwt', 'signature RS256', 'handshake: sign', 'CRL of'])
    assert.ok(
      ids.some((id) => id.startsWith(start)),
      start,
    )
  assert.ok(primitives.every(({ cpuUsPerCall }) => cpuUsPerCall.estimate > 0))
})

test('a ledger: the parts of each case, and what they leave unexplained', async (t) => {
  const words = ['micro', 'jwt', '--smoke', '--json', '--results', temporaryFolder(t)]
  const { exitCode, out, err } = await startCli(t, words).ended
  assert.equal(exitCode, 0, err)
  const envelope: unknown = JSON.parse(out)
  assert.ok(validate(envelope), JSON.stringify(validate.errors))
  const { ledgers, charts } = envelope
  assert.deepEqual(ledgers.map(({ case: id }) => id.split('/')[0]).sort(), ['jwt', 'tls'])
  for (const { totalCpuUs, entries, restCpuUs } of ledgers) {
    const sum = entries.reduce((total, { cpuUs }) => total + cpuUs.estimate, 0)
    assert.ok(Math.abs(sum + restCpuUs.estimate - totalCpuUs.estimate) < 0.01)
  }
  assert.equal(charts.length, 1)
  assert.ok(charts.every((file) => existsSync(file)))
})

for (const [name, words, message] of [
  ['an unknown scenario', ['micro', 'jwtt'], /unknown scenario "jwtt": did you mean jwt\?/],
  ['a precision', ['micro', '--precision', '1%'], /--precision 1%: give --full or --budget/],
  ['a parameter that no scenario has', ['micro', 'tls', '--set', 'alg=RS256'], /--set alg=RS256/],
] as const) {
  test(`is refused: ${name}`, async (t) => {
    const { exitCode, err } = await cli([...words, '--results', temporaryFolder(t)])
    assert.equal(exitCode, 64)
    assert.match(err, message)
  })
}
