import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { startCli, temporaryFolder, type CliProcess } from '../bench/cli-testbed.ts'
import { noRedis, startRedis } from '../servers/database-testbed.ts'
import { loadScenarios } from '../bench/scenarios.ts'
import { commandsOf, withScenarioTable } from './readme.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
/** The README at length. */
const guide = readFileSync(join(root, 'bench', 'README.md'), 'utf8')
const commands = commandsOf(`${readme}\n${guide}`)

test('the table of scenarios is the one that the scenarios give; npm run readme mends it', async () => {
  assert.equal(withScenarioTable(readme, await loadScenarios(root)), readme)
})

for (const [folder, text] of [
  ['.', readme],
  ['bench', guide],
] as const) {
  test(`files and pictures that ${join(folder, 'README.md')} points to exist`, () => {
    const paths = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path)
    assert.ok(paths.length >= 2)
    assert.deepEqual(
      paths.filter((path) => !existsSync(join(root, folder, path))),
      [],
    )
  })
}

test('commands are taken out of blocks and tables, each once', () => {
  const text = '```sh\nnpm run a\n# no\n```\n| b | `npm run b -- --c` |\n| a | `npm run a` |\n'
  assert.deepEqual(commandsOf(text), ['npm run a', 'npm run b -- --c'])
})

const runnable = commands.flatMap((line) => {
  const call = /(?:^|&& )npm run (?:-s )?(\w+)(?: -- (.*))?$/.exec(line)
  return call === null
    ? []
    : [{ line, command: call[1] ?? '', args: (call[2] ?? '').split(' ').filter(Boolean) }]
})

test('every command of the README is one that is tested here, or the test command itself', () => {
  const tested = new Set([...runnable.map(({ line }) => line), ...ofClusters])
  assert.deepEqual(
    commands.filter((line) => !tested.has(line)),
    ['npm ci && npm test'],
  )
  assert.ok(runnable.length >= 8)
})

/** What needs a cluster: held by scripts/kubernetes/readme.test.ts. */
const ofClusters = commandsOf(readme).filter((line) => line.startsWith('kubectl '))

/** The reference run alone, where a chart may be written beside it. */
function referenceFolder(t: TestContext): string {
  const folder = temporaryFolder(t)
  cpSync(join(root, 'results', 'reference', 'reference.json'), join(folder, 'reference.json'))
  return folder
}

/** The same command on a server of the tests, where the README has one at a port of its reader's. */
async function onTarget(t: TestContext, args: readonly string[]): Promise<string[]> {
  if (!args.includes('--target')) return [...args]
  const server = startCli(t, ['server', 'http', '--json'])
  await server.saw(/"url":/)
  const { url } = JSON.parse(server.output().out) as { url: string }
  return args.map((arg) => arg.replace('http://127.0.0.1:8080', url))
}

/** What meets at a Redis, and is run together. */
const meeting = runnable.filter(({ args }) => args.includes('--rendezvous'))

test('README: what meets at a Redis, together', { skip: noRedis }, async (t) => {
  await using redis = await startRedis()
  const folder = temporaryFolder(t)
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, redis.password, { mode: 0o600 })
  const more = ['--rendezvous-password-file', passwordFile, '--results', folder]
  const started: CliProcess[] = []
  for (const { command, args } of meeting) {
    const words = await onTarget(t, args)
    const here = words.map((word) => (/^redis:/.test(word) ? redis.url : word))
    const smoke = command === 'bench' ? ['--smoke'] : []
    started.push(startCli(t, [command, ...here, ...more, ...smoke]))
  }
  assert.equal(started.length, 3)
  for (const { ended } of started) {
    const { exitCode, err } = await ended
    assert.equal(exitCode, 0, err)
  }
})

for (const { line, command, args } of runnable.filter((one) => !meeting.includes(one))) {
  test(`README: ${line}`, async (t) => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    assert.equal(scripts[command], `node scripts/launch.mjs ${command}`)
    const measures =
      (command === 'bench' && !args.includes('--list')) ||
      command === 'selftest' ||
      command === 'micro' ||
      (command === 'claims' && !args.includes('--list')) ||
      args.includes('--live')
    // The figures are not this test's business: one short block proves that the command works.
    const smoke =
      command === 'report'
        ? args[0] === '--site'
          ? ['--site', temporaryFolder(t)]
          : [...args, '--out', temporaryFolder(t)]
        : args.includes('--history')
          ? [...args, '--results', referenceFolder(t)]
          : command === 'export'
            ? [...args, '--out', temporaryFolder(t)]
            : measures
              ? [
                  ...args.filter((arg) => arg !== '--quick'),
                  '--smoke',
                  '--results',
                  temporaryFolder(t),
                ]
              : command === 'size'
                ? [...args, '--results', temporaryFolder(t)]
                : // A port that is free here, whatever the README proposes.
                  args.map((arg, index) => (args[index - 1] === '--port' ? '0' : arg))
    const started = startCli(t, [command, ...(await onTarget(t, smoke))])
    if (command === 'server') {
      await started.saw(/Ctrl-C stops it/)
      started.child.kill('SIGINT')
    }
    const { exitCode, out, err } = await started.ended
    // Tests beside this one make a machine unfit to measure, and doctor says so.
    if (command === 'doctor') assert.ok(exitCode === 0 || /unfit to measure/.test(err), err)
    else assert.equal(exitCode, 0, err)
    assert.ok(out.length > 100, out)
    if (args.includes('--json')) JSON.parse(out)
  })
}
