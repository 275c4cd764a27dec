import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { BenchError } from './errors.ts'
import { createServerStarter, startServer } from './processes.ts'

/** A source tree with one program: what the harness sees of a server is only its process. */
function tree(
  t: TestContext,
  program: string,
): { program: string; configFile: string; sourceRoot: string } {
  const sourceRoot = mkdtempSync(join(tmpdir(), 'trustbench-processes-'))
  t.after(() => {
    rmSync(sourceRoot, { recursive: true, force: true })
  })
  mkdirSync(join(sourceRoot, 'servers'))
  writeFileSync(join(sourceRoot, 'servers', 'fake.ts'), program)
  return { program: 'fake', configFile: 'config.json', sourceRoot }
}

const answering = `
  process.on('disconnect', () => process.exit(0))
  process.on('message', (m) => {
    if (m.kind === 'snapshot') process.send({ kind: 'snapshot', id: m.id, snapshot: { handlerCalls: 7, argv: process.argv[2], env: Object.keys(process.env).sort() } })
    if (m.kind === 'reload') process.send({ kind: 'reloaded', id: m.id })
    if (m.kind === 'shutdown') process.exit(0)
  })
  process.send({ kind: 'ready', port: 4711 })
`

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a server tells its port, answers questions, gets its configuration, and ends when asked', async (t) => {
  const server = await startServer(tree(t, answering))
  assert.equal(server.port, 4711)
  const snapshot: object = await server.snapshot()
  assert.ok('argv' in snapshot && 'env' in snapshot)
  assert.equal(snapshot.argv, 'config.json')
  // The IPC channel adds its own variable; nothing of this process' environment leaks in.
  assert.deepEqual(
    snapshot.env,
    ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_ENV', 'PATH', 'TZ'].filter(
      (name) => (snapshot.env as string[]).includes(name),
    ),
  )
  await server.reload({ caFile: 'a', crlFile: 'b', allowed: {}, bySan: null })
  await server.stop()
  await server.stop()
  assert.equal(isAlive(server.pid), false)
})

const failing: [string, string, RegExp][] = [
  [
    'exits at start',
    `process.stderr.write('port 127.0.0.1:1 is taken (EADDRINUSE): use port 0\\n'); process.exit(3)`,
    /server fake ended with exit code 3; port 127\.0\.0\.1:1 is taken/,
  ],
  ['is no program', `this is not typescript`, /server fake ended with exit code 1; .*/],
]
for (const [name, program, message] of failing) {
  test(`a server that ${name} is one line with its last words`, async (t) => {
    await assert.rejects(startServer(tree(t, program)), (error) => {
      assert.ok(error instanceof BenchError && error.code === 'arm-failed')
      assert.match(error.message, message)
      return true
    })
  })
}

test('a server that dies later rejects what waits and tells why', async (t) => {
  const dying = answering.replace(
    `if (m.kind === 'reload')`,
    `if (m.kind === 'reload') { process.stderr.write('out of luck\\n', () => process.kill(process.pid, 'SIGKILL')) } else if (false)`,
  )
  const server = await startServer(tree(t, dying))
  await assert.rejects(
    server.reload({ caFile: '', crlFile: '', allowed: {}, bySan: null }),
    /server fake ended with SIGKILL; out of luck/,
  )
  assert.equal(server.died.aborted, true)
  assert.deepEqual(server.stderrTail(), ['out of luck'])
  await assert.rejects(server.snapshot(), /SIGKILL/)
})

test('a server that ignores the request to end is killed', async (t) => {
  const stubborn = answering
    .replace(`if (m.kind === 'shutdown') process.exit(0)`, '')
    .replace('process.exit(0)', 'undefined')
  const server = await startServer(tree(t, stubborn))
  await server.stop()
  assert.equal(isAlive(server.pid), false)
})

test('Ctrl-C ends every server of a starter, and none starts after it', async (t) => {
  const interrupt = new AbortController()
  const options = tree(t, answering)
  const start = createServerStarter(interrupt.signal)
  const servers = await Promise.all([start.server(options), start.server(options)])
  const ended = servers.map(
    (server) =>
      new Promise((resolve) => {
        server.died.addEventListener('abort', resolve)
      }),
  )
  interrupt.abort(new BenchError('interrupted', 'interrupted'))
  await Promise.all(ended)
  assert.deepEqual(
    servers.map(({ pid }) => isAlive(pid)),
    [false, false],
  )
  await assert.rejects(start.server(options), /interrupted/)
})

test('a starter ends its servers when it is left', async (t) => {
  const options = tree(t, answering)
  let pid = 0
  {
    await using start = createServerStarter(new AbortController().signal)
    pid = (await start.server(options)).pid
    assert.equal(isAlive(pid), true)
  }
  assert.equal(isAlive(pid), false)
})

test('compiled code goes where the user keeps it, and is not removed there', async (t) => {
  const kept = mkdtempSync(join(tmpdir(), 'trustbench-kept-'))
  const before = process.env['NODE_COMPILE_CACHE']
  t.after(() => {
    rmSync(kept, { recursive: true, force: true })
    if (before === undefined) delete process.env['NODE_COMPILE_CACHE']
    else process.env['NODE_COMPILE_CACHE'] = before
  })
  process.env['NODE_COMPILE_CACHE'] = kept
  {
    await using start = createServerStarter(new AbortController().signal)
    await start.server(tree(t, answering))
  }
  assert.ok(readdirSync(kept).length > 0)
})
