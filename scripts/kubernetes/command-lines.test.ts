import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { cli, startCli, temporaryFolder } from '../../bench/cli-testbed.ts'
import { createTargetBed } from '../../bench/targets/target-testbed.ts'
import { argumentsOf, clusterOf, configured } from './checks/cluster.ts'
import { buildKustomization } from './checks/kustomize.ts'

const cluster = clusterOf(buildKustomization(join(import.meta.dirname, 'example')))
const usage = await cli(['--help'])
const benchUsage = await cli(['bench', '--help'])

/** What is mounted in a pod, in a folder of ours, with the configuration changed; maps arguments to it. */
async function mount(
  t: TestContext,
  changes: object,
  isThere: (path: string) => boolean = () => true,
): Promise<(text: string) => string> {
  const folder = temporaryFolder(t)
  const { root, client } = await createTargetBed(t)
  const files = {
    'run/trustbench/client/client.pem': client.chainPem,
    'run/trustbench/client/client-key.pem': client.privateKeyPem,
    'run/trustbench/client/ca.pem': root.certificatePem,
    'run/trustbench/client/client-secret': 'secret\n',
    'run/trustbench/rendezvous/password': 'password',
    'etc/trustbench/trustbench.config.json': configured(
      cluster,
      'trustbench',
      'trustbench.config.json',
    ),
  }
  // Port 1 is never open: nothing of this reaches a Redis.
  const inFolder = (text: string) =>
    text.replace(/^(?=\/(run|etc)\/)/, folder).replace('//redis:6379', '//127.0.0.1:1')
  for (const [path, content = ''] of Object.entries(files).filter(([path]) => isThere(path))) {
    const file = join(folder, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, content)
  }
  const file = inFolder('/etc/trustbench/trustbench.config.json')
  const config: unknown = JSON.parse(
    files['etc/trustbench/trustbench.config.json'] ?? '',
    (_key, value: unknown) => (typeof value === 'string' ? inFolder(value) : value),
  )
  writeFileSync(file, JSON.stringify(Object.assign({}, config, changes)))
  return inFolder
}

/** Arguments without options that the command of this tree does not have yet. */
function known(args: readonly string[]): string[] {
  const isOption = (text = '') => text.startsWith('--')
  const isUnknown = (text = '') => isOption(text) && !benchUsage.out.includes(`${text} `)
  return args.filter(
    (text, index) => !isUnknown(text) && (isOption(text) || !isUnknown(args[index - 1])),
  )
}

// The last check before anything is sent is that of the caps: who comes so far has been understood wholly.
for (const [changes, line] of [
  [
    { maxRate: 1 },
    '4,000 requests/s to gw.example: at most 1 are sent to a target, --max-rate 4000',
  ],
  [
    { maxDuration: '1s' },
    '60 s of load to gw.example: at most 1 s are sent to a target, --max-duration 60s',
  ],
  // What README.md says goes together.
  [
    { maxRate: undefined },
    '4,000 requests/s to gw.example: at most 1,000 are sent to a target, --max-rate 4000',
  ],
  [
    { duration: '61s', maxDuration: undefined },
    '61 s of load to gw.example: at most 60 s are sent to a target, --max-duration 61s',
  ],
  [{ connections: 401 }, '--max-connections 400: fewer than --connections'],
  [{ connections: 3 }, '--connections 3: 4 seats need'],
] as const) {
  test(`bench takes the coordinator’s command line as far as: ${line}`, async (t) => {
    const inFolder = await mount(t, changes)
    const args = argumentsOf(cluster, 'coordinator', 'coordinator').map(inFolder)
    assert.deepEqual(
      args.filter((text) => text.includes('$(')),
      [],
    )
    const { exitCode, out, err } = await cli(known(args))
    assert.deepEqual({ exitCode, out }, { exitCode: 64, out: '' })
    assert.match(err, new RegExp(`^trustbench: ${line} [^\\n]*\\n$`))
  })
}

test('bench takes the example as it is: what is left to fail is that no Redis answers', async (t) => {
  const inFolder = await mount(t, {})
  const args = argumentsOf(cluster, 'coordinator', 'coordinator').map(inFolder)
  const { exitCode, out, err } = await cli(known(args))
  assert.deepEqual({ exitCode, out }, { exitCode: 3, out: '' })
  assert.match(err, /^trustbench: --rendezvous redis:\/\/127\.0\.0\.1:1: [^\n]*\n$/)
})

test('without the secret that is optional: one line that names the file', async (t) => {
  const inFolder = await mount(t, {}, (path) => !path.startsWith('run/trustbench/client/'))
  const args = argumentsOf(cluster, 'coordinator', 'coordinator').map(inFolder)
  const { exitCode, out, err } = await cli(known(args))
  assert.deepEqual({ exitCode, out }, { exitCode: 64, out: '' })
  assert.match(err, /^trustbench: [^\n]*\/run\/trustbench\/client\/[^\n]*\n$/)
})

const noSeats = /^ {2}seat /m.test(usage.out) ? false : 'no seat command in this tree'

test('seat takes its command line, and asks for the plan', { skip: noSeats }, async (t) => {
  const inFolder = await mount(t, {})
  const args = argumentsOf(cluster, 'seats', 'seat').map(inFolder)
  const env = { ...process.env, TMPDIR: temporaryFolder(t), JOB_COMPLETION_INDEX: '0' }
  const { exitCode, err } = await startCli(t, args, { env }).ended
  // Not 64: nothing was wrong with it, but that no Redis answers.
  assert.equal(exitCode, 3, err)
})
