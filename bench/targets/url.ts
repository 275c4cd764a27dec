import { BenchError } from '../errors.ts'

/** An http:// or https:// URL without a user, password or fragment; throws usage errors that repeat no secret. */
export function parseWebUrl(option: string, text: string): URL {
  const url = URL.parse(text)
  // Nothing of it is repeated before it is known to hold no password.
  if (url === null)
    throw new BenchError('usage', `${option}: not a URL, expected https://gw.example/path`)
  if (url.username !== '' || url.password !== '')
    throw new BenchError('usage', `${option}: a URL with a user or password is not taken`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new BenchError(
      'usage',
      `${option} ${url.protocol}//…: expected http:// or https://, other protocols are not taken`,
    )
  }
  url.hash = ''
  return url
}

/** A URL as it may be stored and shown: what is behind the question mark may be a secret. */
export function storableUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === '' ? '' : '?…'}`
}

/** 127.0.0.0/8 (RFC 1122 section 3.2.1.3), ::1 (RFC 4291 section 2.5.3), localhost (RFC 6761 section 6.3). */
export function isLoopback({ hostname }: URL): boolean {
  return (
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname) ||
    hostname === '[::1]' ||
    hostname === 'localhost'
  )
}

/** Host as sockets take it: an IPv6 address without brackets. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/** What a TLS client calls the host: RFC 6066 section 3 knows no addresses, and those are checked all the same. */
export function serverNameOf(host: string): string {
  return /^[\d.]+$|:/.test(host) ? '' : host
}

/** Port, also where the URL leaves it to its scheme. */
export function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}
