import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import { startCli } from '../cli-testbed.ts'
import { serveHttp } from '../targets/target-testbed.ts'
import { tellTargets, type MergedOptions } from './config-options.ts'

const root = join(import.meta.dirname, '..', '..')

function folderWith(t: TestContext, config: object | null): string {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
  t.after(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  if (config !== null) writeFileSync(join(folder, 'trustbench.config.json'), JSON.stringify(config))
  return folder
}

const tell = (folder: string, options: Partial<MergedOptions>, names: readonly string[] = []) =>
  tellTargets({
    options: { load: 'closed', ...options },
    isDefault: (name) => name === 'load' && options.load === undefined,
    names,
    folder,
  })

const config = {
  targets: [{ url: 'http://127.0.0.1:1/a', name: 'a' }, { url: 'http://127.0.0.1:2/b' }],
  iOwnThisTarget: true,
  load: 'open',
  rate: 50,
  rates: [1, 2],
  connections: 4,
  clientId: 'me',
  headers: { 'x-one': '1' },
}

test('a file in the folder is what a bare command line measures, its options as if typed', async (t) => {
  const { options, targets } = await tell(folderWith(t, config), {})
  const { load, rate, rates, connections, iOwnThisTarget, config: file } = options
  assert.deepEqual(
    [load, rate, rates, connections, iOwnThisTarget, file],
    ['open', '50', '1,2', '4', true, 'trustbench.config.json'],
  )
  assert.deepEqual(
    targets.map(({ url, name, clientId }) => [url, name, clientId]),
    [
      ['http://127.0.0.1:1/a', 'a', 'me'],
      ['http://127.0.0.1:2/b', undefined, 'me'],
    ],
  )
})

test('the command line wins, option by option', async (t) => {
  const given = { rate: '9', load: 'churn', clientId: 'other', header: ['x-two: 2'] }
  const { options, targets } = await tell(folderWith(t, config), given)
  assert.deepEqual([options.load, options.rate, options.connections], ['churn', '9', '4'])
  const [first] = targets
  assert.equal(first?.clientId, 'other')
  assert.deepEqual(
    first.headers?.map(({ name }) => name),
    ['x-one', 'x-two'],
  )
})

test('a file that was only found gives its credentials to no other target, and scenarios go before it', async (t) => {
  const folder = folderWith(t, { ...config, clientSecret: { env: 'SECRET' } })
  const elsewhere = await tell(folder, { target: ['http://127.0.0.1:3/'] })
  assert.deepEqual(elsewhere.targets, [{ url: 'http://127.0.0.1:3/' }])
  assert.equal(elsewhere.options.iOwnThisTarget, undefined)
  assert.deepEqual((await tell(folder, {}, ['tls'])).targets, [])
  // Named, it is meant.
  const named = await tell(folder, {
    config: join(folder, 'trustbench.config.json'),
    target: ['http://127.0.0.1:3/'],
  })
  assert.deepEqual(
    named.targets.map(({ url, clientId }) => [url, clientId]),
    [['http://127.0.0.1:3/', 'me']],
  )
})

test('what cannot be both is refused', async (t) => {
  const folder = folderWith(t, config)
  const file = join(folder, 'trustbench.config.json')
  await assert.rejects(tell(folder, { config: file }, ['tls']), /holds targets, .* instead of tls/)
  await assert.rejects(tell(folder, { name: ['a=http://127.0.0.1:1/a'] }), /--name needs --target/)
  await assert.rejects(tell(folderWith(t, null), { config: 'none.json' }), /there is no such file/)
})

test('the example, as a CI job would run it: found in its folder, against a server of ours', async (t) => {
  const seen: string[] = []
  const url = await serveHttp(t, (request, response) => {
    seen.push(request.url ?? '')
    response.end('{}')
  })
  const folder = folderWith(t, null)
  mkdirSync(join(folder, 'results'))
  const { exitCode, out, err } = await startCli(
    t,
    [
      ...['bench', '--config', join(root, 'scripts', 'targets', 'trustbench.config.ts')],
      ...['--smoke', '--json', '--results', join(folder, 'results')],
    ],
    { env: { ...process.env, TMPDIR: folder, BEFORE_URL: `${url}/v1`, AFTER_URL: `${url}/v2` } },
  ).ended
  assert.equal(exitCode, 0, err)
  const { cases, comparisons } = JSON.parse(out) as RunEnvelope
  assert.deepEqual(
    cases.map(({ id }) => id),
    ['before', 'after'],
  )
  assert.equal(comparisons.length, 1)
  assert.deepEqual([...new Set(seen)].sort(), ['/v1', '/v2'])
})
