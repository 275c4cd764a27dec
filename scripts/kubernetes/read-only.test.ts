import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const noNamespace =
  process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : 'a file system of its own needs root on Linux'
const options = { skip: process.env['CI'] === 'true' ? false : noNamespace }

/** Runs a command line as the image does in a pod: as nobody in particular, on a file system that is read-only but for `writable`. */
function runInPod(args: readonly string[], writable: readonly string[]) {
  const user = 'mode=0700,uid=65532,gid=65532'
  const script = [
    'set -e',
    `mount --bind '${root}' /mnt`,
    'mount -o remount,bind,ro /mnt',
    'mount -o remount,bind,ro /',
    ...writable.map((path) => `mount -t tmpfs -o ${user} tmpfs ${path}`),
    'cd /mnt',
    'set +e',
    `setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
       env -i PATH=/usr/bin:/bin node_modules/.bin/node scripts/launch.mjs ${args.join(' ')}`,
    'code=$?',
    'for path in /mnt/new /var/new /etc/new; do touch $path 2>/dev/null && echo "writable: $path" >&2; done',
    'ls /tmp | sed "s/^/left: /" >&2',
    'ls results | sed "s/^/kept: /" >&2',
    'exit $code',
  ]
  return spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script.join('\n')],
    {
      encoding: 'utf8',
      timeout: 110_000,
    },
  )
}

// Closed loops: windows on a busy machine may be no measurement, and are then not drawn.
const bench = ['bench', 'tls', '--smoke', '--json']

test(
  'a run as user 65532 on a read-only file system writes to /tmp and results alone',
  options,
  () => {
    const { status, stdout, stderr } = runInPod(bench, ['/tmp', '/mnt/results'])
    assert.equal(status, 0, stderr)
    JSON.parse(stdout)
    assert.deepEqual(stderr.match(/^(writable|left): .*/gm), null)
    assert.match(stderr, /^kept: \d{8}T\d{6}Z-.*\.json$/m)
    assert.match(stderr, /^kept: \d{8}T\d{6}Z-.*-latency\.png$/m)
  },
)

test('without the volume of results: one line, before anything is measured', options, () => {
  const { status, stdout, stderr } = runInPod(bench, ['/tmp'])
  assert.equal(status, 3, stderr)
  assert.equal(stdout, '')
  assert.match(stderr, /^trustbench: cannot write \/mnt\/results.*--results DIR$/m)
})
