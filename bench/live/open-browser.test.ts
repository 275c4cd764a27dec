import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { temporaryFolder } from '../cli-testbed.ts'
import { openBrowser } from './open-browser.ts'

test(
  'the opener of the platform gets the address; that there is none is no error',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const folder = temporaryFolder(t)
    const path = process.env['PATH']
    t.after(() => {
      process.env['PATH'] = path
    })
    process.env['PATH'] = folder
    openBrowser('http://127.0.0.1:1/')
    const told = join(folder, 'told')
    writeFileSync(join(folder, 'xdg-open'), `#!/bin/sh\necho "$1" > ${told}\n`, { mode: 0o755 })
    openBrowser('http://127.0.0.1:2/')
    while (!existsSync(told) || readFileSync(told, 'utf8') === '') {
      t.signal.throwIfAborted()
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal(readFileSync(told, 'utf8'), 'http://127.0.0.1:2/\n')
  },
)
