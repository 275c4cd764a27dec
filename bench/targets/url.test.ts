import assert from 'node:assert/strict'
import test from 'node:test'
import { bareHost, isLoopback, parseWebUrl, portOf, storableUrl } from './url.ts'

const good: [string, [string, number, boolean, string]][] = [
  ['https://gw.example/pay', ['gw.example', 443, false, 'https://gw.example/pay']],
  ['http://gw.example', ['gw.example', 80, false, 'http://gw.example/']],
  ['http://127.0.0.1:8080/a?key=s3cret', ['127.0.0.1', 8080, true, 'http://127.0.0.1:8080/a?…']],
  ['https://[::1]:8443/#part', ['::1', 8443, true, 'https://[::1]:8443/']],
  ['http://localhost:1/', ['localhost', 1, true, 'http://localhost:1/']],
  ['http://127.1.2.3.example/', ['127.1.2.3.example', 80, false, 'http://127.1.2.3.example/']],
  ['http://0.0.0.0:9/', ['0.0.0.0', 9, false, 'http://0.0.0.0:9/']],
]
for (const [text, wanted] of good) {
  test(`a URL that is taken: ${text}`, () => {
    const url = parseWebUrl('--target', text)
    assert.deepEqual([bareHost(url), portOf(url), isLoopback(url), storableUrl(url)], wanted)
  })
}

const bad: [string, string, RegExp][] = [
  ['no URL', 's3cret', /^--target: not a URL, expected https:\/\/gw\.example\/path$/],
  ['a password', 'https://me:s3cret@gw.example/', /^--target: a URL with a user or password/],
  ['a user', 'https://s3cret@gw.example/', /with a user or password/],
  ['another protocol', 'ftp://gw.example/s3cret', /^--target ftp:\/\/…: expected http/],
]
for (const [name, text, message] of bad) {
  test(`a URL that is refused, without repeating it: ${name}`, () => {
    assert.throws(
      () => parseWebUrl('--target', text),
      (error: Error) => {
        assert.match(error.message, message)
        return !error.message.includes('s3cret')
      },
    )
  })
}
