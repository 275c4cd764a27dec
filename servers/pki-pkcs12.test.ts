import forge from 'node-forge'
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'

import { writeSecretFile } from './pki.ts'
import { toPkcs12 } from './pki-pkcs12.ts'
import { createLab, emptyCrl, missing, sharedLab, temporaryFolder } from './pki-testbed.ts'
import type { Lab } from './pki-testbed.ts'

const passphrase = 'correct horse'

describe('node-forge, which shares no code with the issuer', () => {
  test('verifies an RSA chain and refuses it under another root', async () => {
    const { clientIdentity, rootPem } = await sharedLab('rsa2048')
    const chain = splitPem(clientIdentity.chainPem).map((pem) => forge.pki.certificateFromPem(pem))
    assert.equal(chain.length, 2)
    const verifyUnder = (root: string) =>
      forge.pki.verifyCertificateChain(forge.pki.createCaStore([root]), [...chain])
    assert.equal(verifyUnder(rootPem), true)
    const { rootPem: rogueRootPem } = await createLab('rsa2048')
    assert.throws(() => verifyUnder(rogueRootPem))
  })

  test('reads names, purpose and constraints of RSA leaves', async () => {
    const { clientIdentity, serverIdentity } = await sharedLab('rsa2048')
    const client = forge.pki.certificateFromPem(clientIdentity.certificatePem)
    const server = forge.pki.certificateFromPem(serverIdentity.certificatePem)
    // GeneralName: 2 = DNS, 6 = URI, 7 = IP address.
    assert.partialDeepStrictEqual(client.getExtension('subjectAltName'), {
      altNames: [{ type: 6, value: 'spiffe://trustbench.test/acme/billing' }],
    })
    assert.partialDeepStrictEqual(server.getExtension('subjectAltName'), {
      altNames: [
        { type: 2, value: 'localhost' },
        { type: 7, ip: '127.0.0.1' },
        { type: 7, ip: '::1' },
      ],
    })
    assert.partialDeepStrictEqual(client.getExtension('extKeyUsage'), { clientAuth: true })
    assert.partialDeepStrictEqual(server.getExtension('extKeyUsage'), { serverAuth: true })
    for (const [certificate, { serialHex }] of [
      [client, clientIdentity],
      [server, serverIdentity],
    ] as const) {
      assert.equal(certificate.serialNumber.toUpperCase(), serialHex)
      assert.partialDeepStrictEqual(certificate.getExtension('basicConstraints'), { cA: false })
      assert.partialDeepStrictEqual(certificate.getExtension('keyUsage'), {
        digitalSignature: true,
        keyEncipherment: false,
        keyCertSign: false,
        cRLSign: false,
      })
    }
  })
})

describe('PKCS#12', () => {
  test(
    'openssl reads key and chain back, byte for byte',
    { skip: missing('openssl') },
    async (t) => {
      const lab = await sharedLab('rsa2048')
      const folder = await folderWithPkcs12(t, lab)
      const certificates = openssl(folder, ['-nokeys'])
      assert.equal(certificates.status, 0)
      // The thumbprint that binds tokens is of these very bytes.
      assert.deepEqual(
        splitPem(certificates.stdout),
        splitPem(lab.clientIdentity.chainPem + lab.rootPem),
      )
      const key = openssl(folder, ['-nocerts', '-nodes'])
      assert.deepEqual(splitPem(key.stdout), splitPem(lab.clientIdentity.privateKeyPem))
    },
  )

  test('the key is encrypted by what OpenSSL 3 has', { skip: missing('openssl') }, async (t) => {
    const folder = await folderWithPkcs12(t, await sharedLab('rsa2048'))
    const { status, stderr } = openssl(folder, ['-info', '-noout'])
    assert.equal(status, 0)
    assert.match(stderr, /Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, .*PRF hmacWithSHA256/)
    const wrong = openssl(folder, ['-noout'], 'wrong')
    assert.equal(wrong.status, 1)
    assert.match(wrong.stderr, /invalid password/)
  })

  test('curl logs in with it, and not without', { skip: missing('curl') }, async (t) => {
    const lab = await sharedLab('rsa2048')
    const folder = await folderWithPkcs12(t, lab)
    await writeSecretFile(folder, 'root.pem', lab.rootPem)
    const { port, serialsSeen } = await startServer(t, lab)
    const login = ['--cert-type', 'P12', '--cert', 'client.p12', '--pass', passphrase]
    const { stdout } = await curl(folder, port, login)
    assert.equal(stdout, lab.clientIdentity.serialHex)
    await assert.rejects(curl(folder, port, []))
    assert.deepEqual(serialsSeen, [lab.clientIdentity.serialHex])
  })

  for (const [key, name] of [
    ['p256', 'ECDSA'],
    ['ed25519', 'Ed25519'],
  ] as const) {
    test(`a ${key} identity cannot be packed`, async () => {
      const { clientIdentity: identity, rootPem } = await sharedLab(key)
      assert.throws(() => toPkcs12({ identity, rootPem, passphrase }), {
        message: `PKCS#12 export of an ${name} key: only RSA can be exported, use key=rsa2048`,
      })
    })
  }
})

async function folderWithPkcs12(t: TestContext, { clientIdentity, rootPem }: Lab): Promise<string> {
  const folder = await temporaryFolder(t)
  const packed = toPkcs12({ identity: clientIdentity, rootPem, passphrase })
  await writeSecretFile(folder, 'client.p12', packed)
  return folder
}

function openssl(folder: string, options: readonly string[], pass = passphrase) {
  const all = ['pkcs12', '-in', join(folder, 'client.p12'), '-passin', `pass:${pass}`, ...options]
  return spawnSync('openssl', all, { encoding: 'utf8' })
}

/** Answers every request with the serial number of the client's certificate. */
async function startServer(t: TestContext, lab: Lab) {
  const serialsSeen: string[] = []
  const server = createServer({
    cert: lab.serverIdentity.chainPem,
    key: lab.serverIdentity.privateKeyPem,
    ca: lab.rootPem,
    crl: (await emptyCrl(lab.root)) + (await emptyCrl(lab.intermediate)),
    requestCert: true,
    rejectUnauthorized: true,
  })
  server.on('request', ({ socket }, response) => {
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
    serialsSeen.push(certificate?.serialNumber ?? 'none')
    response.end(certificate?.serialNumber)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { port: address.port, serialsSeen }
}

function curl(folder: string, port: number, options: readonly string[]) {
  const target = ['--resolve', `localhost:${port}:127.0.0.1`, `https://localhost:${port}/`]
  const common = ['--silent', '--noproxy', '*', '--max-time', '10', '--cacert', 'root.pem']
  return promisify(execFile)('curl', [...common, ...options, ...target], { cwd: folder })
}

function splitPem(pem: string): string[] {
  return (
    pem.match(/-----BEGIN [^]+?-----END [^\n]+\n/g)?.map((part) => part.replaceAll('\r', '')) ?? []
  )
}
