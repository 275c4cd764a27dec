import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { isRunning, sweepStale, temporaryPrefix } from './temporary.ts'

test('folders of dead processes are swept, those of living ones and of others stay', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'trustbench-sweep-'))
  t.after(() => {
    rmSync(folder, { recursive: true })
  })
  const gone = spawn(process.execPath, ['-e', ''])
  await once(gone, 'close')
  const kept = [
    `${temporaryPrefix('lab')}alive`,
    temporaryPrefix('trees').replace(String(process.pid), String(gone.pid)),
    'trustbench-other',
  ]
  for (const name of [
    ...kept,
    temporaryPrefix('lab').replace(String(process.pid), String(gone.pid)),
  ])
    mkdirSync(join(folder, name))
  await sweepStale('lab', folder)
  assert.deepEqual(readdirSync(folder).sort(), [...kept].sort())
})

test('a process that may not be signalled is alive all the same', () => {
  assert.equal(isRunning(1), true)
  assert.equal(isRunning(2 ** 30), false)
})
