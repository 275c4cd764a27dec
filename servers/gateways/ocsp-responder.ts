import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { OcspConfig } from '../config.ts'
import { revokedSerials } from '../crl-serials.ts'
import { readConfigured, StartError } from '../process.ts'

/** An OCSP responder on loopback; its CPU is in no figure of the gateway that asks it. */
export interface OcspResponder extends AsyncDisposable {
  readonly url: string
  /** Requests that it has answered. */
  readonly answered: () => number
  /** Takes over another CRL. */
  readonly reload: (crlFile: string) => void
}

/**
 * Answers by `openssl ocsp`, each distinct request once: as responders do that sign ahead (RFC 5019), so that
 * what is measured is the gateway's part. Requests come by POST, or by GET in the path (RFC 6960 appendix A).
 */
export async function startOcspResponder(
  ocsp: OcspConfig,
  crlFile: string,
  folder: string,
): Promise<OcspResponder> {
  const own = await mkdtemp(join(folder, 'ocsp-'))
  const answers = new Map<string, Promise<Buffer>>()
  let revoked = readRevoked(crlFile)
  let signed = 0
  let answered = 0
  const answerTo = (asked: Buffer): Promise<Buffer> => {
    const key = asked.toString('base64')
    const known = answers.get(key)
    if (known !== undefined) return known
    const made = sign(asked, { ocsp, revoked, files: join(own, String(++signed)) })
    answers.set(key, made)
    return made
  }
  const server = createServer((request, response) => {
    void bodyOf(request)
      .then(answerTo)
      .then(
        (answer) => {
          answered += 1
          response.writeHead(200, { 'content-type': 'application/ocsp-response' }).end(answer)
        },
        () => response.writeHead(500).end(),
      )
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}/`,
    answered: () => answered,
    reload(file) {
      revoked = readRevoked(file)
      answers.clear()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await rm(own, { recursive: true, force: true })
    },
  }
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  if (request.method === 'GET') {
    const path = (request.url ?? '').replace(/^\/+/, '')
    return Buffer.from(decodeURIComponent(path), 'base64')
  }
  const parts: Uint8Array[] = []
  for await (const part of request) if (part instanceof Uint8Array) parts.push(part)
  return Buffer.concat(parts)
}

/** Serials on the first list of the file, that of the authority which signs clients. */
function readRevoked(crlFile: string): ReadonlySet<string> {
  const pem = readConfigured('clients.crlFile', crlFile).toString('latin1')
  const [, base64 = ''] = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/.exec(pem) ?? []
  return new Set(revokedSerials(Buffer.from(base64, 'base64')).map(normal))
}

async function sign(
  request: Buffer,
  { ocsp, revoked, files }: { ocsp: OcspConfig; revoked: ReadonlySet<string>; files: string },
): Promise<Buffer> {
  const [asked, answer, index] = [`${files}.req`, `${files}.resp`, `${files}.index`]
  await writeFile(asked, request, { mode: 0o600 })
  const serial = await serialOf(asked)
  await writeFile(index, indexLine(serial, revoked.has(normal(serial))), { mode: 0o600 })
  await openssl([
    ...['-index', index, '-CA', ocsp.issuerFile, '-reqin', asked, '-respout', answer],
    ...['-rsigner', ocsp.signerFile, '-rkey', ocsp.signerKeyFile, '-ndays', '1'],
  ])
  return readFile(answer)
}

async function serialOf(requestFile: string): Promise<string> {
  const text = await openssl(['-reqin', requestFile, '-req_text'])
  const serial = /Serial Number: ([0-9A-F]+)/.exec(text)?.[1]
  if (serial === undefined) throw new Error('OCSP request without a serial number')
  return serial
}

/** A line of the database that `openssl ca` keeps: state, end, revocation, serial, file, subject. */
function indexLine(serial: string, isRevoked: boolean): string {
  const state = isRevoked ? ['R', farAway, longAgo] : ['V', farAway, '']
  return `${[...state, serial, 'unknown', '/CN=client'].join('\t')}\n`
}

async function openssl(words: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('openssl', ['ocsp', ...words], {
      timeout: signTimeoutMs,
    })
    return stdout
  } catch (error) {
    throw new StartError('openssl ocsp made no answer: install openssl', { cause: error })
  }
}

/** One spelling of serial numbers: upper case, no zeros in front. */
function normal(serial: string): string {
  return serial.toUpperCase().replace(/^0+(?=.)/, '')
}

const farAway = '491231235959Z'
const longAgo = '200101000000Z'
const signTimeoutMs = 5_000
