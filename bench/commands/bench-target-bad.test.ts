import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createSecureServer, createServer as createHttp2 } from 'node:http2'
import type { RequestListener, ServerResponse } from 'node:http'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { cli } from '../cli-testbed.ts'
import { parseRun } from '../results.ts'
import {
  createTargetBed,
  issueServer,
  listen,
  serveHttp,
  serveHttps,
  serveTcp,
  type TargetBed,
} from '../targets/target-testbed.ts'

// A lock holds a machine for one measuring run; a temporary folder of its own is a machine of its own.
process.env['TMPDIR'] = mkdtempSync(join(tmpdir(), 'trustbench-test-'))
test.after(() => {
  rmSync(tmpdir(), { recursive: true, force: true })
})

const ok: RequestListener = (_request, response) => {
  response.end('fine')
}
const answers =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers).end('x')
  }

/** Sends one byte now and then, for ever. */
function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' })
  const timer = setInterval(() => response.write('x'), 20)
  response.once('close', () => {
    clearInterval(timer)
  })
}

type Start = (t: TestContext, bed: TargetBed) => Promise<string | [string, ...string[]]>
const overTls = (bed: TargetBed) => ['--ca', bed.caFile]
const quickly = ['--timeout', '1s'] as const

/** Each is refused before anything is measured: one line, exit code 3, and nothing is written. */
const bad: [string, Start, RegExp][] = [
  ['answers 500', (t) => serveHttp(t, answers(500)), /answers 500 where 200 is expected; --expect/],
  ['answers 401', (t) => serveHttp(t, answers(401)), /401 .*: the credentials are not good enough/],
  [
    'redirects, to where a secret is in the query',
    (t) => serveHttp(t, answers(302, { location: 'https://login.example/in?code=s3cret' })),
    /answers 302 .*: it redirects to https:\/\/login\.example\/in, which is not followed/,
  ],
  [
    'closes without an answer',
    async (t) =>
      `http://127.0.0.1:${await serveTcp(t, (socket) => socket.once('data', () => socket.end()))}`,
    /: closes the connection without an answer$/,
  ],
  [
    'resets',
    async (t) => `http://127.0.0.1:${await serveTcp(t, (socket) => socket.resetAndDestroy())}`,
    /: closes the connection without an answer$/,
  ],
  [
    'hangs',
    async (t) => [await serveHttp(t, () => undefined), ...quickly],
    /: no answer within 1 s$/,
  ],
  [
    'hangs in the TLS handshake',
    async (t, bed) => [
      `https://127.0.0.1:${await serveTcp(t, () => undefined)}`,
      ...overTls(bed),
      ...quickly,
    ],
    /: no connection within 1 s$/,
  ],
  [
    'drips its body',
    async (t) => [
      await serveHttp(t, (_request, response) => {
        drip(response)
      }),
      ...quickly,
    ],
    /: its answer is not whole within 1 s: \d+ bytes of a body came$/,
  ],
  [
    'is not there',
    () => Promise.resolve('http://127.0.0.1:9'),
    /: nothing listens there: the connection was refused$/,
  ],
  [
    'has a name that nobody knows',
    () => Promise.resolve(['http://target.invalid', ...quickly]),
    /the host is unknown|could not be looked up|no connection within 1 s/,
  ],
  [
    'presents a certificate of another authority',
    async (t, bed) => [await serveHttps(t, await issueServer(bed.rogue), ok), ...overTls(bed)],
    /certificate that none of the trusted authorities vouches for; --ca says/,
  ],
  [
    'presents a certificate and no --ca is given',
    async (t, bed) => serveHttps(t, bed.server, ok),
    /certificate that none of the trusted authorities vouches for; --ca says/,
  ],
  [
    'presents a certificate for another name',
    async (t, bed) => [
      await serveHttps(
        t,
        await issueServer(bed.root, { dnsNames: ['other.example'], ipAddresses: [] }),
        ok,
      ),
      ...overTls(bed),
    ],
    /presents a certificate for another name$/,
  ],
  [
    'presents an expired certificate',
    async (t, bed) => [
      await serveHttps(
        t,
        await issueServer(bed.root, { notAfter: new Date(Date.now() - 60_000) }),
        ok,
      ),
      ...overTls(bed),
    ],
    /presents a certificate that has expired$/,
  ],
  [
    'speaks HTTP/2 only, over TLS',
    async (t, bed) => {
      const { chainPem: cert, privateKeyPem: key } = bed.server
      const port = await listen(t, createSecureServer({ cert, key, allowHTTP1: false }))
      return [`https://127.0.0.1:${port}`, ...overTls(bed)]
    },
    /speaks HTTP\/2 only|closes the connection without an answer/,
  ],
  [
    'speaks HTTP/2 only, in the clear',
    async (t) => `http://127.0.0.1:${await listen(t, createHttp2())}`,
    /speaks HTTP\/2 only; HTTP\/1\.1 is what is measured$/,
  ],
  [
    'speaks plain HTTP on what is to be a TLS port',
    async (t, bed) => [(await serveHttp(t, ok)).replace('http:', 'https:'), ...overTls(bed)],
    /speaks plain HTTP on that port, not TLS; give --target http:\/\/…$/,
  ],
  [
    'speaks TLS on what is to be a plain port',
    async (t, bed) => (await serveHttps(t, bed.server, ok)).replace('https:', 'http:'),
    /speaks TLS on that port, not plain HTTP|closes the connection without an answer/,
  ],
  [
    'speaks something else',
    async (t) => `http://127.0.0.1:${await serveTcp(t, (socket) => socket.write('SSH-2.0-x\r\n'))}`,
    /answers with what is not HTTP\/1\.1/,
  ],
  [
    'speaks HTTP/1.0',
    async (t) =>
      `http://127.0.0.1:${await serveTcp(t, (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nfine'))}`,
    /answers in HTTP\/1\.0, whose connections are not kept/,
  ],
  [
    'ends its answers with the connection',
    async (t) =>
      `http://127.0.0.1:${await serveTcp(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nfine'))}`,
    /neither Content-Length nor chunked coding/,
  ],
  [
    'wants a client certificate',
    async (t, bed) => [
      await serveHttps(t, bed.server, ok, { requestCert: true, ca: bed.root.certificatePem }),
      ...overTls(bed),
    ],
    /want a client certificate|wants a client certificate/,
  ],
  [
    'wants a client certificate, with TLS 1.2',
    async (t, bed) => [
      await serveHttps(t, bed.server, ok, {
        requestCert: true,
        ca: bed.root.certificatePem,
        maxVersion: 'TLSv1.2',
      }),
      ...overTls(bed),
    ],
    /client certificate|refuses the TLS handshake|without an answer/,
  ],
  [
    'refuses the client certificate',
    async (t, bed) => [
      await serveHttps(t, bed.server, ok, { requestCert: true, ca: bed.root.certificatePem }),
      ...overTls(bed),
      ...bed.presenting(
        await bed.rogue.issue({ kind: 'client', key: 'p256', commonName: 'rogue' }),
      ),
    ],
    /client certificate/,
  ],
  [
    'answers with another body than it should',
    async (t) => [await serveHttp(t, ok), '--expect-body-digest', '0'.repeat(64)],
    /another body than --expect-body-digest says: 4 bytes of SHA-256 [0-9a-f]{64}$/,
  ],
]

for (const [name, start, message] of bad) {
  test(`a target that ${name}: one line, exit code 3, nothing written`, async (t) => {
    const bed = await createTargetBed(t)
    const [url, ...more] = [await start(t, bed)].flat()
    const results = bed.results()
    const words = [
      'bench',
      '--target',
      `${url ?? ''}/pay?key=s3cret`,
      '--i-own-this-target',
      '--smoke',
    ]
    const { exitCode, out, err } = await cli([...words, '--results', results.folder, ...more])
    assert.equal(exitCode, 3, err)
    const line = err.trimEnd()
    assert.match(line, message)
    assert.match(line, /^trustbench: [^\n]+$/)
    assert.deepEqual([out, results.files()], ['', []])
    assert.ok(!err.includes('s3cret'))
  })
}

/** What a token endpoint may do wrong. */
const badIssuers: [string, RequestListener, RegExp][] = [
  [
    'refuses the client',
    (_request, response) => {
      response.writeHead(401, { 'content-type': 'application/json' })
      response.end('{"error":"invalid_client","error_description":"s3cret"}')
    },
    /: answers 401 invalid_client$/,
  ],
  ['answers 401 without a word', answers(401, { 'www-authenticate': 'Basic' }), /: answers 401$/],
  ['answers 500', answers(500), /: answers 500$/],
  ['redirects', answers(302, { location: '/login' }), /: answers 302$/],
  [
    'is not JSON',
    answers(200, { 'content-type': 'text/html' }),
    /: answers 200 with text\/html, not JSON$/,
  ],
  [
    'says it is JSON and is not',
    answers(200, { 'content-type': 'application/json' }),
    /: answers 200 with what is not JSON$/,
  ],
  [
    'gives no token',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"nothing":1}')
    },
    /: answers 200, and not as an authorization server does/,
  ],
  [
    'gives a token of another type',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"access_token":"s3cret","token_type":"DPoP"}')
    },
    /: gives a token of type dpop, not Bearer$/,
  ],
  [
    'gives tokens that are over at once',
    (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"access_token":"s3cret","token_type":"Bearer","expires_in":1}')
    },
    /: gives tokens of 1 s, which are over before use$/,
  ],
  ['hangs', () => undefined, /: does not answer within 1 s$/],
  [
    'closes without an answer',
    (request) => {
      request.socket.destroy()
    },
    /: closes the connection without an answer$/,
  ],
]
for (const [name, listener, message] of badIssuers) {
  test(`a token endpoint that ${name}: one line, exit code 3, the target is not asked`, async (t) => {
    const bed = await createTargetBed(t)
    let asked = 0
    const url = await serveHttp(t, (_request, response) => {
      asked += 1
      response.end()
    })
    const results = bed.results()
    const { exitCode, out, err } = await cli([
      ...['bench', '--target', url, '--i-own-this-target', '--smoke', '--timeout', '1s'],
      ...['--token-url', `${await serveHttp(t, listener)}/token`, '--client-id', 'me'],
      ...['--client-secret-file', bed.write('secret', 's3cret\n')],
      ...['--results', results.folder],
    ])
    assert.equal(exitCode, 3, err)
    assert.match(err.trimEnd(), message)
    assert.match(err, /^trustbench: token endpoint http:\/\/127\.0\.0\.1:\d+\/token: [^\n]+\n$/)
    assert.deepEqual([out, results.files(), asked], ['', [], 0])
    assert.ok(!err.includes('s3cret'))
  })
}

/** What goes well at first, and not for long; `after` requests. */
const badLater: [string, (after: number) => RequestListener, string[], RegExp][] = [
  [
    'changes its body',
    (after) => {
      let seen = 0
      return (_request, response) => {
        response.end((seen += 1) > after ? 'other' : 'fine')
      }
    },
    ['--expect-body-digest', createHash('sha256').update('fine').digest('hex')],
    /wrong body: its SHA-256 is not the expected one/,
  ],
  [
    'starts to answer 503',
    (after) => {
      let seen = 0
      return (_request, response) => {
        response.writeHead((seen += 1) > after ? 503 : 200).end('fine')
      }
    },
    [],
    /wrong status: 503 instead of 200/,
  ],
  [
    'dies',
    (after) => {
      let seen = 0
      return (request, response) => {
        seen += 1
        if (seen > after) request.socket.destroy()
        else response.end('fine')
      }
    },
    [],
    /closes the connection without an answer|the server closed the connection/,
  ],
  [
    'hangs',
    (after) => {
      let seen = 0
      return (_request, response) => {
        if ((seen += 1) <= after) response.end('fine')
      }
    },
    ['--timeout', '1s'],
    /no whole answer within 1 s/,
  ],
  [
    'drips',
    (after) => {
      let seen = 0
      return (_request, response) => {
        if ((seen += 1) <= after) response.end('fine')
        else drip(response)
      }
    },
    ['--timeout', '1s'],
    /no whole answer within 1 s/,
  ],
]
for (const [name, listener, more, message] of badLater) {
  test(`a target that ${name} in the middle: the run is incomplete, and has no figure`, async (t) => {
    const bed = await createTargetBed(t)
    const url = await serveHttp(t, listener(60))
    const results = bed.results()
    const { exitCode, out, err } = await cli([
      ...['bench', '--target', url, '--i-own-this-target', '--smoke', '--json'],
      ...['--results', results.folder, ...more],
    ])
    assert.equal(exitCode, 3, err)
    assert.match(err.trimEnd().split('\n').at(-1) ?? '', message)
    const { cases, complete } = JSON.parse(out) as {
      complete: boolean
      cases: { metrics: Record<string, unknown> }[]
    }
    assert.equal(complete, false)
    assert.deepEqual(
      Object.values(cases[0]?.metrics ?? {}).filter((figure) => figure !== null),
      [],
    )
    const [file = ''] = results.files()
    const run = parseRun(JSON.parse(readFileSync(join(results.folder, file), 'utf8')), file)
    assert.deepEqual([run.complete, run.blocks.map(({ outcome }) => outcome)], [false, ['failed']])
  })
}

test('under offered load a target that fails has no figure either', async (t) => {
  const bed = await createTargetBed(t)
  let seen = 0
  const url = await serveHttp(t, (_request, response) => {
    response.writeHead((seen += 1) > 30 ? 503 : 200).end('fine')
  })
  const results = bed.results()
  const { exitCode, out, err } = await cli([
    ...['bench', '--target', url, '--i-own-this-target', '--load', 'open', '--rate', '100'],
    ...['--arrivals', 'constant', '--duration', '1s', '--json', '--results', results.folder],
  ])
  assert.equal(exitCode, 3, err)
  assert.match(err, /71 of 100 requests failed at 100 requests\/s: 71 × wrong status: 503/)
  const { cases } = JSON.parse(out) as { cases: { metrics: Record<string, unknown> }[] }
  assert.equal(cases[0]?.metrics['latencyP50Us'], null)
})
