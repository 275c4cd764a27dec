import assert from 'node:assert/strict'
import { get, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { createHash } from 'node:crypto'
import test, { type TestContext } from 'node:test'
import { html } from '../render/html.ts'
import type { LiveContent } from '../render/live-shell.ts'
import { startPageServer } from './page-server.ts'

const contentOf = (text: string): LiveContent => ({
  title: text,
  status: text,
  main: html`<p>${text}</p>`,
})

async function serve(t: TestContext) {
  const server = await startPageServer(contentOf('first'))
  t.after(() => {
    server.close()
  })
  return server
}

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

function ask(
  port: number,
  {
    method = 'GET',
    path = '/',
    headers = {},
  }: { method?: string; path?: string; headers?: OutgoingHttpHeaders },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.once('end', () => {
          resolve({ status: response.statusCode, headers: response.headers, body })
        })
      },
    )
    sent.once('error', reject).end()
  })
}

/** An open stream of events; `next` resolves when so many are there. */
function follow(t: TestContext, port: number, path = '/events', headers: OutgoingHttpHeaders = {}) {
  let text = ''
  let ended = false
  let changed = () => {}
  const opened = Promise.withResolvers<IncomingMessage>()
  const sent = get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
    opened.resolve(response)
    response.setEncoding('utf8').on('data', (more: string) => {
      text += more
      changed()
    })
    response.once('close', () => {
      ended = true
      changed()
    })
  })
  t.after(() => sent.destroy())
  const events = () =>
    text
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => event.split('\n'))
  return {
    opened: opened.promise,
    events,
    until: async (done: (count: number, ended: boolean) => boolean) => {
      while (!done(events().length, ended)) {
        await new Promise<void>((resolve) => {
          changed = resolve
        })
      }
    },
  }
}

test('the page and its policy: only the style and script that it brings', async (t) => {
  const { port } = await serve(t)
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`]) {
    const { status, headers, body } = await ask(port, { headers: { host } })
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /^default-src 'none'; connect-src 'self'; script-src 'sha256-/)
    for (const element of ['style', 'script']) {
      const content = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(body)?.[1] ?? ''
      const hash = createHash('sha256').update(content).digest('base64')
      assert.ok(policy.includes(`${element}-src 'sha256-${hash}'`), element)
    }
    assert.doesNotMatch(policy, /unsafe/)
  }
})

test('another name, method or path is refused', async (t) => {
  const { port } = await serve(t)
  const wrong: [Parameters<typeof ask>[1], number][] = [
    [{ headers: { host: `evil.example:${port}` } }, 421],
    [{ headers: { host: 'evil.example' } }, 421],
    [{ headers: { host: `127.0.0.1:${port}.evil.example` } }, 421],
    [{ headers: { host: '127.0.0.1' } }, 421],
    [{ headers: { host: `127.0.0.1:${port + 1}` } }, 421],
    [{ headers: { host: `evil.example:${port}` }, path: '/events' }, 421],
    [{ path: '/events', method: 'POST' }, 405],
    ...['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'].map(
      (method): [Parameters<typeof ask>[1], number] => [{ method }, 405],
    ),
    ...['/results', '/../etc/passwd', '/index.html', '/eventsx', '//', '/?', `http://evil/`].map(
      (path): [Parameters<typeof ask>[1], number] => [{ path }, 404],
    ),
  ]
  for (const [what, expected] of wrong) {
    const { status, body } = await ask(port, what)
    assert.equal(status, expected, JSON.stringify(what))
    assert.ok(!body.includes('first'))
  }
})

test('one event for each publish, none between, and the page is the newest', async (t) => {
  const server = await serve(t)
  const reader = follow(t, server.port, '/events?seen=0')
  await reader.opened
  assert.equal((await ask(server.port, {})).status, 200)
  assert.deepEqual(reader.events(), [])
  server.publish(contentOf('one <b>'), 'drawn')
  await reader.until((count) => count === 1)
  const page = await ask(server.port, {})
  assert.match(page.body, /data-version="1"[\s\S]*one &lt;b&gt;/)
  server.publish(contentOf('two'), 'ended')
  await reader.until((count) => count === 2)
  assert.deepEqual(
    reader.events().map(([id, event]) => [id, event]),
    [
      ['id: 1', 'event: drawn'],
      ['id: 2', 'event: ended'],
    ],
  )
  const [, , data = ''] = reader.events()[0] ?? []
  assert.deepEqual(JSON.parse(data.replace('data: ', '')), {
    title: 'one <b>',
    status: 'one <b>',
    main: '<p>one &lt;b&gt;</p>',
  })
  server.close()
  await reader.until((_count, ended) => ended)
  assert.equal(reader.events().length, 2)
})

test('who has an older version, by page or after a lost connection, gets the newest at once', async (t) => {
  const server = await serve(t)
  server.publish(contentOf('one'), 'drawn')
  const late: [string, OutgoingHttpHeaders, number][] = [
    ['/events?seen=0', {}, 1],
    ['/events', {}, 1],
    ['/events?seen=x', {}, 1],
    ['/events?seen=0', { 'last-event-id': '0' }, 1],
    ['/events?seen=1', {}, 0],
    // The script's own number is from when the page was loaded; the browser's is newer.
    ['/events?seen=0', { 'last-event-id': '1' }, 0],
  ]
  for (const [path, headers, events] of late) {
    const reader = follow(t, server.port, path, headers)
    await reader.opened
    await reader.until((count) => count >= events)
    assert.equal(reader.events().length, events, path)
  }
})

test('at most 16 pages at once', async (t) => {
  const { port } = await serve(t)
  for (let count = 0; count < 16; count++) await follow(t, port).opened
  assert.equal((await ask(port, { path: '/events' })).status, 503)
  assert.equal((await ask(port, {})).status, 200)
})

test('it listens on 127.0.0.1 alone', async (t) => {
  const { port } = await serve(t)
  await assert.rejects(
    new Promise((_resolve, reject) => {
      get({ host: '::1', port, agent: false }).once('error', reject)
    }),
  )
})
