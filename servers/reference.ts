import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { httpLimits, runProgram, StartError } from './process.ts'

const path = '/v1/orgs/acme/payments/pay_1001'
const body = Buffer.from(
  '{"id":"pay_1001","org_id":"acme","amount":"129.95","currency":"EUR","state":"settled"}',
)

// The scale across days: bare node:https without guards, framework or any dependency. Its source hash is
// stored with each run, so change it only when the measured request itself changes.
await runProgram({
  parse: parseReferenceConfig,
  create: ({ tls }, telemetry) => {
    const version = tls.version === '1.2' ? 'TLSv1.2' : 'TLSv1.3'
    const options = {
      ...httpLimits,
      cert: readFileSync(tls.certificateFile),
      key: readFileSync(tls.keyFile),
      minVersion: version,
      maxVersion: version,
    } as const
    const server = createServer(options, (request, response) => {
      if (request.method !== 'GET' || request.url !== path) {
        response.writeHead(404, { 'content-length': 0 }).end()
        return
      }
      telemetry.handlerCalled()
      response.writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': body.length,
      })
      response.end(body)
    })
    return { server, scheme: 'https' }
  },
})

interface ReferenceConfig {
  readonly host: string
  readonly port: number
  readonly tls: {
    readonly version: string
    readonly certificateFile: string
    readonly keyFile: string
  }
}

function parseReferenceConfig(value: unknown): ReferenceConfig {
  if (isReferenceConfig(value)) return value
  throw new StartError('configuration refused: host, port and tls of a ServerConfig are needed')
}

function isReferenceConfig(value: unknown): value is ReferenceConfig {
  const { host, port, tls } = fieldsOf(value)
  const { version, certificateFile, keyFile } = fieldsOf(tls)
  return (
    typeof port === 'number' &&
    [host, version, certificateFile, keyFile].every((text) => typeof text === 'string')
  )
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
