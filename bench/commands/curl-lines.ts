import { relative } from 'node:path'
import { resources } from '../../servers/config.ts'
import { writeSecretFile } from '../../servers/pki.ts'
import { toPkcs12 } from '../../servers/pki-pkcs12.ts'
import { handClientOf } from '../lab-credentials.ts'
import type { Lab } from '../lab.ts'
import type { ServerProcess } from '../processes.ts'
import type { Case, ClientAuthentication } from '../scenario.ts'
import { shellWord } from './shell-word.ts'

/** A line for a shell, and what it is about. */
export interface CurlLine {
  readonly about: string
  readonly line: string
}

/** Lines that try a server by hand, good credentials first; what they need is written into the lab's folder. */
export async function curlLines({
  trial,
  lab,
  server,
  issuerUrl,
}: {
  readonly trial: Case
  readonly lab: Lab
  readonly server: ServerProcess
  readonly issuerUrl: string | null
}): Promise<CurlLine[]> {
  const credentials = trial.scenario.credentials(trial.parameters)
  const url = `${trial.scenario.tls ? 'https' : 'http'}://127.0.0.1:${server.port}/v1/orgs/acme/payments`
  const trust = trial.scenario.tls ? ` --cacert ${inFolder(lab, lab.caFile)}` : ''
  const certificate = ` --cert ${inFolder(lab, lab.clientFiles.chainFile)} --key ${inFolder(lab, lab.clientFiles.keyFile)}`
  if (credentials.issuance !== undefined) return issuanceLines(lab, server, credentials.issuance)
  const isProof = credentials.proof === true
  // Each is good once, so that each line makes its own.
  const proof = (method: string, about: string, token: string) =>
    isProof ? ` -H "DPoP: $(node proof.mjs ${method} ${about}${token})"` : ''
  if (isProof) await writeProofMaker(lab)
  const lines: CurlLine[] = [
    { about: 'files below are named from here', line: `cd ${shellWord(lab.folder)}` },
  ]
  if (credentials.token !== 'none') {
    const clientId = handClientOf(credentials)
    const client = credentials.bound
      ? `${certificate} -d client_id=${clientId}`
      : ` -u "${clientId}:$(cat client-secret)"${proof('POST', `${issuerUrl ?? ''}/token`, '')}`
    const bound = credentials.bound ? ', RFC 8705' : isProof ? ', RFC 9449' : ''
    lines.push({
      about: `fetch an access token as a client would (RFC 6749 section 4.4${bound})`,
      line: `TOKEN=$(curl -sS --fail-with-body${trust}${client} -d grant_type=client_credentials -d resource=${resources[credentials.token]} --data-urlencode 'scope=payments:read payments:write' ${issuerUrl ?? ''}/token | sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')`,
    })
  }
  const identity = credentials.certificate ? certificate : ''
  const bearer =
    credentials.token === 'none' ? '' : ` -H "Authorization: ${isProof ? 'DPoP' : 'Bearer'} $TOKEN"`
  lines.push(
    {
      about: 'read a payment: 200',
      line: `curl -sS -i${trust}${identity}${bearer}${proof('GET', `${url}/pay_1001`, ' "$TOKEN"')} ${url}/pay_1001`,
    },
    {
      about: 'create a payment: 201',
      line: `curl -sS -i${trust}${identity}${bearer}${proof('POST', url, ' "$TOKEN"')} -H 'Content-Type: application/json' -d '{"amount":"12.50","currency":"EUR"}' ${url}`,
    },
  )
  if (credentials.certificate && (await writePkcs12(lab))) {
    lines.push({
      about: 'the same identity as PKCS#12, for browsers, JMeter, Postman, Java',
      line: `curl -sS -i${trust} --cert-type P12 --cert "client.p12:$(cat client.p12.passphrase)"${bearer} ${url}/pay_1001`,
    })
  }
  if (credentials.certificate || credentials.token !== 'none') {
    lines.push({
      about: 'without credentials: refused',
      line: `curl -sS -i${trust} ${url}/pay_1001`,
    })
  }
  return lines
}

/** Lines for an authorization server alone: a token, and a refusal. */
function issuanceLines(lab: Lab, { port }: ServerProcess, by: ClientAuthentication): CurlLine[] {
  const trust = `--cacert ${inFolder(lab, lab.caFile)}`
  const certificate = `--cert ${inFolder(lab, lab.clientFiles.chainFile)} --key ${inFolder(lab, lab.clientFiles.keyFile)}`
  const client =
    by === 'tls_client_auth'
      ? `${certificate} -d client_id=acme-billing-bound`
      : '-u "acme-terminal:$(cat client-secret)"'
  const request = `-d grant_type=client_credentials -d resource=${resources.jwt} --data-urlencode 'scope=payments:read' https://127.0.0.1:${port}/token`
  return [
    { about: 'files below are named from here', line: `cd ${shellWord(lab.folder)}` },
    {
      about: `an access token: 200${by === 'private_key_jwt' ? ' (by a secret: curl signs no assertion)' : ''}`,
      line: `curl -sS -i ${trust} ${client} ${request}`,
    },
    {
      about: 'with a wrong secret: refused',
      line: `curl -sS -i ${trust} -u acme-terminal:wrong ${request}`,
    },
  ]
}

/** Writes the key of proofs and a program that makes them, for any Node. */
async function writeProofMaker(lab: Lab): Promise<void> {
  await writeSecretFile(lab.folder, 'proof-key.json', JSON.stringify(lab.proofKey))
  await writeSecretFile(lab.folder, 'proof.mjs', proofMaker)
}

const proofMaker = `// A DPoP proof (RFC 9449 section 4.2): node proof.mjs METHOD URL [TOKEN]
import { createHash, createPrivateKey, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'

const [method, url, token] = process.argv.slice(2)
const { kty, crv, x, y, d } = JSON.parse(readFileSync('proof-key.json', 'utf8'))
const key = createPrivateKey({ key: { kty, crv, x, y, d }, format: 'jwk' })
const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
const iat = Math.floor(Date.now() / 1000)
const input = [
  { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } },
  { jti: randomUUID(), htm: method, htu: url, iat, ...ath },
].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
process.stdout.write(input + '.' + signature.toString('base64url'))
`

/** Writes `client.p12` where the client's key is RSA, which is what node-forge can export; returns whether it did. */
async function writePkcs12(lab: Lab): Promise<boolean> {
  if (!lab.settings.clientKey.startsWith('rsa')) return false
  const passphrase = crypto.randomUUID()
  await writeSecretFile(
    lab.folder,
    'client.p12',
    toPkcs12({ identity: lab.good, rootPem: lab.rootPem, passphrase }),
  )
  await writeSecretFile(lab.folder, 'client.p12.passphrase', passphrase)
  return true
}

/** Name of a lab's file below its folder. */
function inFolder(lab: Lab, file: string): string {
  return relative(lab.folder, file)
}
