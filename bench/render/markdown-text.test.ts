import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { markdownCode, markdownCommands, markdownProse, shellCommand } from './markdown-text.ts'

const hostile = [
  ['plain words, 3.5 % (of 4)', 'plain words, 3.5 % (of 4)'],
  ['jwt/alg=ES256 tls=1.3', 'jwt/alg=ES256 tls=1.3'],
  ['failed in main: J3', 'failed in main: J3'],
  ['<script>', '&#60;script&#62;'],
  ['</details>', '&#60;/details&#62;'],
  ['a|b', 'a&#124;b'],
  // With a backslash before it a pipe would still part two cells in one parser or another.
  ['a\\|b', 'a&#92;&#124;b'],
  ['a\nb\r\n\tc', 'a b c'],
  ['a\u2028b\u0085c', 'a b c'],
  // Behind U+202E what follows would be read from the right; U+200B hides.
  ['\u202Egnp.exe\u200B', 'gnp.exe'],
  ['@everyone', '&#64;&#8203;everyone'],
  ['#1, GH-1', '&#35;&#8203;1, GH&#8203;-1'],
  ['![x](y)', '&#33;&#91;x&#93;(y)'],
  ['[x]: y', '&#91;x&#93;: y'],
  ['https://a.example', 'https&#58;&#8203;//a.example'],
  ['WWW.a.example', 'WWW&#8203;.a.example'],
  ['a@b.example', 'a&#64;&#8203;b.example'],
  ['`x`', '&#96;x&#96;'],
  ['**x** __y__ ~~z~~', '&#42;&#42;x&#42;&#42; &#95;&#95;y&#95;&#95; &#126;&#126;z&#126;&#126;'],
  ['&lt;&#60;', '&#38;lt;&#38;&#35;&#8203;60;'],
  ['$a$ {b} "c" \'d\' ^e', '&#36;a&#36; &#123;b&#125; &#34;c&#34; &#39;d&#39; &#94;e'],
  ['--> é 漢', '--&#62; é 漢'],
] as const

test('data is text and nothing but text', () => {
  for (const [data, told] of hostile) {
    assert.equal(markdownProse(data), told)
    assert.equal(markdownCode(data), `<code>${told}</code>`)
  }
})

test('whatever the data, no character of it can be markup', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (data) => {
      const told = markdownProse(data)
      assert.doesNotMatch(told, /[<>|`@*_~[\]{}\\!\n\r"'$^]/)
      // Every & is that of a numeric reference, every # too.
      assert.equal(told.replaceAll(/&#\d+;/g, '').search(/[&#]/), -1)
      assert.doesNotMatch(told, /:\/\/|www\./i)
    }),
  )
})

test('long data is clipped before it is escaped', () => {
  assert.equal(markdownProse('@'.repeat(5), 4), `${'&#64;&#8203;'.repeat(3)}…`)
  assert.equal(markdownProse('abcd', 4), 'abcd')
  assert.equal(markdownCode(''), '–')
})

test('a block of commands ends where it should', () => {
  assert.deepEqual(markdownCommands(['npm ci', 'x\n```\ny']), [
    '````sh',
    'npm ci',
    'x ``` y',
    '````',
  ])
})

test('a shell takes a command apart into the words that it was made of', () => {
  const words = ['a', '--live', "it's", '$(id)', '`id`', 'a b', '', '@c=d', '"']
  assert.equal(shellCommand(['npm', 'run', 'compare', '--', '--live']), 'npm run compare -- --live')
  const printed = spawnSync('sh', ['-c', `printf '%s\\n' ${shellCommand(words)}`], {
    encoding: 'utf8',
  })
  assert.deepEqual(printed.stdout.split('\n').slice(0, -1), words)
})
