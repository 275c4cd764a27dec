import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import test, { type TestContext } from 'node:test'
import { startCli } from '../cli-testbed.ts'

const noCurl =
  process.env['CI'] === 'true' || spawnSync('curl', ['--version']).status === 0
    ? false
    : 'curl is not installed'

interface Served {
  readonly folder: string
  readonly curl: readonly { readonly about: string; readonly line: string }[]
}

/** Starts `server NAME` and waits for its lines. */
async function serve(t: TestContext, args: readonly string[]) {
  const process = startCli(t, ['server', ...args, '--json'])
  await process.saw(/\}\n/)
  return { process, served: JSON.parse(process.output().out) as Served }
}

/** Runs the printed lines as they are, in one shell; returns the status lines of the answers. */
function runLines({ curl }: Served): string[] {
  const { stdout, stderr } = spawnSync('sh', ['-s'], {
    input: curl.map(({ line }) => `${line}\necho`).join('\n'),
    encoding: 'utf8',
  })
  return `${stdout}${stderr}`.match(/HTTP\/1\.1 \d{3}|certificate required|curl: \(56\)/g) ?? []
}

const refusedByTls = ['curl: (56)', 'certificate required']
const table: [string[], string[]][] = [
  [['http'], ['HTTP/1.1 200', 'HTTP/1.1 201']],
  [['tls'], ['HTTP/1.1 200', 'HTTP/1.1 201']],
  [['mtls'], ['HTTP/1.1 200', 'HTTP/1.1 201', ...refusedByTls]],
  [
    ['jwt', '--set', 'alg=RS256'],
    ['HTTP/1.1 200', 'HTTP/1.1 201', 'HTTP/1.1 401'],
  ],
  [['dpop'], ['HTTP/1.1 200', 'HTTP/1.1 201', 'HTTP/1.1 401']],
  [['token-issuance'], ['HTTP/1.1 200', 'HTTP/1.1 401']],
  [['introspection'], ['HTTP/1.1 200', 'HTTP/1.1 201', 'HTTP/1.1 401']],
  [['combined'], ['HTTP/1.1 200', 'HTTP/1.1 201', ...refusedByTls]],
  // One answer more: the PKCS#12 identity logs in too.
  [
    ['combined', '--set', 'key=rsa2048'],
    ['HTTP/1.1 200', 'HTTP/1.1 201', 'HTTP/1.1 200', ...refusedByTls],
  ],
]
for (const [args, answers] of table) {
  test(
    `server ${args.join(' ')}: its curl lines work, and its credentials go with it`,
    { skip: noCurl },
    async (t) => {
      const { process, served } = await serve(t, args)
      assert.deepEqual(runLines(served).sort(), [...answers].sort())
      assert.equal(existsSync(served.folder), true)
      process.child.kill('SIGINT')
      const { exitCode, err } = await process.ended
      assert.equal(exitCode, 0, err)
      assert.equal(existsSync(served.folder), false)
    },
  )
}

test(
  'no secret is printed: only the names of files that hold them',
  { skip: noCurl },
  async (t) => {
    const { process, served } = await serve(t, ['introspection'])
    const secret = spawnSync('cat', [`${served.folder}/client-secret`], { encoding: 'utf8' }).stdout
    assert.ok(secret.length > 20)
    runLines(served)
    process.child.kill('SIGINT')
    const { out, err } = await process.ended
    assert.ok(!`${out}${err}`.includes(secret))
    assert.ok(!`${out}${err}`.includes('eyJ'))
  },
)
