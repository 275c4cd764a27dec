import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import test from 'node:test'
import { keysAt, valueAt } from './checks/place.ts'
import { dockerfileProblems } from './checks/dockerfile.ts'
import { isSentBy } from './checks/dockerignore.ts'

const root = join(import.meta.dirname, '..', '..')
const text = readFileSync(join(import.meta.dirname, 'Dockerfile'), 'utf8')
const ignored = readFileSync(join(import.meta.dirname, 'Dockerfile.dockerignore'), 'utf8')
const context = {
  isSent: (path: string) => existsSync(join(root, path)) && isSentBy(ignored, path),
}

test('nothing is wrong with the Dockerfile', () => {
  assert.deepEqual(dockerfileProblems(text, context), [])
})

const breaks: readonly (readonly [find: string, put: string, told: string])[] = [
  ['RUNTIME=debian:12.11-slim\n', 'RUNTIME=debian:stable-slim\n', 'FROM debian:stable-slim: moves'],
  ['BUILD=node:22.18.0-bookworm-slim', 'BUILD=node', 'FROM node: moves'],
  ['USER 65532:65532', 'USER node', 'USER: no number other than 0'],
  ['USER 65532:65532', 'USER 0:0', 'USER: no number other than 0'],
  ['USER 65532:65532\n', '', 'USER: no number other than 0'],
  ['STOPSIGNAL SIGTERM\n', '', 'STOPSIGNAL: not SIGTERM'],
  [
    'ENTRYPOINT ["node_modules/.bin/node", "scripts/launch.mjs"]',
    'ENTRYPOINT node x',
    'ENTRYPOINT: starts a shell',
  ],
  ['CMD ["--help"]', 'CMD --help', 'CMD: starts a shell'],
  ['COPY bench bench', 'COPY benches bench', 'COPY benches: is not sent'],
  ['COPY bench bench', 'COPY results bench', 'COPY results: is not sent'],
  ['COPY bench bench', 'COPY --from=builder bench bench', 'COPY --from=builder: no such stage'],
  ['COPY bench bench', 'ADD bench.tar bench', 'ADD: fetches or unpacks; COPY'],
  ['COPY bench bench', 'COPY client.pem bench', 'COPY: looks like a secret'],
  ['WORKDIR /app', 'ARG NPM_TOKEN\nWORKDIR /app', 'ARG: looks like a secret'],
  ['STOPSIGNAL', 'ENV CLIENT_SECRET=x\nSTOPSIGNAL', 'ENV: looks like a secret'],
]

for (const [find, put, told] of breaks) {
  test(`caught: ${JSON.stringify(put)} in the place of ${JSON.stringify(find)}`, () => {
    assert.ok(text.includes(find))
    const problems = dockerfileProblems(text.replace(find, put), context)
    assert.ok(problems.includes(told), problems.join('\n'))
  })
}

test('what is sent to the build: source, and neither tests, results, keys nor history', () => {
  const sent = (path: string) => isSentBy(ignored, path)
  const good = [
    '.npmrc',
    'package.json',
    'bench/cli.ts',
    'bench/render/page/page.js',
    'scripts/launch.mjs',
  ]
  const bad = [
    '.git/HEAD',
    'results/reference/reference.json',
    'client.pem',
    '.env',
    'node_modules/a/b.js',
    'scripts/kubernetes/mine/trustbench.config.json',
  ]
  const tests = [
    'bench/cli.test.ts',
    'bench/cli-testbed.ts',
    'scripts/readme.ts',
    'bench/README.md',
  ]
  assert.deepEqual(
    good.filter((path) => !sent(path)),
    [],
  )
  assert.deepEqual([...bad, ...tests].filter(sent), [])
})

test('what is sent imports nothing that the image lacks: no test, no development package', () => {
  const lock: unknown = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const packages = new Set(
    keysAt(lock, ['packages'])
      .filter((path) => valueAt(lock, ['packages', path, 'dev']) !== true)
      .map((path) => path.replace('node_modules/', '')),
  )
  const files = globSync('{bench,servers,scenarios}/**/*.ts', { cwd: root }).filter((path) =>
    isSentBy(ignored, path),
  )
  assert.ok(files.length > 300)
  const missing = files.flatMap((path) => {
    const source = readFileSync(join(root, path), 'utf8')
    const names = [...source.matchAll(importLine)].map(([, name = '']) => name)
    return names
      .filter((name) => !isBuiltin(name))
      .filter((name) =>
        name.startsWith('.')
          ? !isSentBy(ignored, join(path, '..', name))
          : !packages.has(/^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? ''),
      )
      .map((name) => `${path}: ${name}`)
  })
  assert.deepEqual(missing, [])
})

/** An import or export of values; what types alone come from is not loaded. */
const importLine = /^(?:import|export) (?!type )(?:[^'"`()=]* from )?'([^']+)'/gm
