import assert from 'node:assert/strict'
import test from 'node:test'
import { loadArguments } from './load-options.ts'
import { assertOwned, targetSettingsOf } from './target-options.ts'

const url = 'https://gw.example/pay'

test('each target has the options of all; names are told by their URLs', () => {
  const other = 'https://other.example/'
  const targets = targetSettingsOf({
    target: [url, other],
    name: ['b=https://other.example'],
    cert: 'c.pem',
    clientSecretFile: 'secret',
    header: ['X-One: 1', 'x-two:@file'],
    expectStatus: '200,204',
  })
  const common = {
    cert: 'c.pem',
    clientSecret: { kind: 'file', path: 'secret' },
    headers: [
      { name: 'X-One', value: '1' },
      { name: 'x-two', value: { kind: 'file', path: 'file' } },
    ],
    expectStatus: [200, 204],
  }
  assert.deepEqual(targets, [
    { url, ...common },
    { url: other, ...common, name: 'b' },
  ])
  assert.deepEqual(targetSettingsOf({}), [])
})

test('no load goes anywhere without the word of whom it belongs to', () => {
  for (const one of [url, 'http://127.0.0.1:1/', 'http://[::1]:1/']) {
    const options = { target: [one] }
    const targets = targetSettingsOf(options)
    assert.throws(
      () => {
        assertOwned(targets, options)
      },
      { code: 'usage', message: /add --i-own-this-target if you may send load to it/ },
    )
    assertOwned(targets, { ...options, iOwnThisTarget: true })
  }
})

test('CPU is of one target: of several a file says whose it is', () => {
  assert.deepEqual(targetSettingsOf({ target: [url], cpuPid: '1,2' })[0]?.cpuPid, [1, 2])
  assert.throws(() => targetSettingsOf({ target: [url, url], cpuPid: '1' }), /are of one target/)
})

test('the command of a run holds no secret and no path', () => {
  const command = loadArguments({
    load: 'open',
    rate: '500',
    target: ['https://gw.example/pay?token=s3cret'],
    name: ['a=https://gw.example/pay?token=s3cret'],
    iOwnThisTarget: true,
    config: '/s3cret/trustbench.config.ts',
    issuer: 'https://login.example/?s3cret',
    cert: '/s3cret/c.pem',
    key: '/s3cret/k.pem',
    clients: '1000',
    identities: '/s3cret/i.jsonl',
    clientId: 's3cret',
    clientSecretFile: '/s3cret/f',
    tokenFile: '/s3cret/t',
    header: ['x-key: s3cret'],
    bodyFile: '/s3cret/b',
    prometheusQuery: 's3cret',
    scope: 'read',
    maxRate: '2000',
  })
  assert.deepEqual(command, [
    ...['--load', 'open', '--rate', '500', '--config', 'trustbench.config.ts'],
    ...['--target', 'https://gw.example/pay?…', '--name', 'a=https://gw.example/pay?…'],
    ...['--i-own-this-target', '--issuer', 'https://login.example/?…'],
    ...['--max-rate', '2000', '--clients', '1000', '--scope', 'read', '--header', 'x-key: …'],
    ...[
      '--cert',
      '…',
      '--key',
      '…',
      '--identities',
      '…',
      '--client-id',
      '…',
      '--client-secret-file',
      '…',
    ],
    ...['--token-file', '…', '--body-file', '…', '--prometheus-query', '…'],
  ])
})
