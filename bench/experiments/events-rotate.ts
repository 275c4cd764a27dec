import { serverProfile } from '../lab-credentials.ts'
import { writeSecretFile } from '../../servers/pki.ts'
import type { Scene } from '../preflight/scene.ts'
import { askOnNew, askReconnecting } from './askers.ts'
import { mutualOf, tokensOf, waitFor, watch, type Experiment } from './experiment.ts'
import type { ProbeSubject } from './probe.ts'
import { newClientIdentity, rotateSecret, rotateSigningKey, useUnpublishedKey } from './rotation.ts'

/** Changes of credentials without a restart: in the right order, and a step too early. */
export const rotations: readonly Experiment[] = [
  {
    name: 'rotate-client-secret',
    scenario: 'jwt',
    parameters: {},
    what: 'its secret is replaced, and both are good for 0.5 s; counted: its requests for tokens',
    plan: watch(500, 1_000),
    create: (scene) => rotateSecret(scene, { overlap: true }),
  },
  {
    name: 'rotate-client-secret-at-once',
    scenario: 'jwt',
    parameters: {},
    what: 'its secret is replaced, and it hears of that 0.5 s later; counted: its requests for tokens',
    plan: watch(500, 1_000),
    create: (scene) => rotateSecret(scene, { overlap: false }),
  },
  {
    name: 'rotate-signing-key',
    scenario: 'jwt',
    parameters: {},
    what: 'a new signing key is published, signs 1.5 s later, and the old one goes; unknown keys are asked for once a second here',
    plan: watch(500, 1_000),
    create: rotateSigningKey,
  },
  {
    name: 'rotate-signing-key-unpublished',
    scenario: 'jwt',
    parameters: {},
    what: 'a new key signs tokens and is published 1 s later; unknown keys are asked for every 30 s',
    plan: watch(500, 31_000),
    create: useUnpublishedKey,
  },
  {
    name: 'rotate-client-certificate',
    scenario: 'mtls',
    parameters: {},
    what: 'it changes to a new key and certificate; each request has a new connection',
    plan: watch(500, 1_000),
    create: rotateClientCertificate,
  },
  {
    name: 'rotate-client-certificate-bound',
    scenario: 'combined',
    parameters: {},
    what: 'it changes to a new key and certificate, together with a token that is bound to them',
    plan: watch(500, 1_000),
    create: (scene) => rotateBoundCertificate(scene, 'token first'),
  },
  {
    name: 'rotate-client-certificate-first',
    scenario: 'combined',
    parameters: {},
    what: 'it changes to a new key and certificate, and 0.5 s later to a token that is bound to them',
    plan: watch(500, 1_000),
    create: (scene) => rotateBoundCertificate(scene, 'certificate first'),
  },
  {
    name: 'rotate-server-certificate-new',
    scenario: 'mtls',
    parameters: {},
    what: "the server's key and certificate are replaced; each request has a new connection",
    plan: watch(500, 1_000),
    create: (scene) =>
      rotateServerCertificate(
        scene,
        askOnNew(scene, () => ({})),
      ),
  },
  {
    name: 'rotate-server-certificate-live',
    scenario: 'mtls',
    parameters: {},
    what: "the server's key and certificate are replaced; requests are on a live connection",
    plan: watch(500, 1_000),
    create: (scene) =>
      rotateServerCertificate(
        scene,
        askReconnecting(scene, () => ({})),
      ),
  },
  {
    name: 'rotate-ca',
    scenario: 'mtls',
    parameters: {},
    what: 'a second CA is trusted too, it changes to a certificate of that, and the first CA goes; each request has a new connection',
    plan: watch(500, 1_000),
    create: rotateAuthority,
  },
]

async function rotateClientCertificate(scene: Scene): Promise<ProbeSubject> {
  let identity = scene.lab.good
  const next = await newClientIdentity(scene)
  return {
    ask: askOnNew(scene, () => ({ identity })),
    event: () => {
      identity = next
      return Promise.resolve()
    },
  }
}

/** What is bound to a certificate ends with it: case C7, the price of binding. */
async function rotateBoundCertificate(
  scene: Scene,
  order: 'token first' | 'certificate first',
): Promise<ProbeSubject> {
  const tokens = tokensOf(scene)
  let current = { identity: scene.lab.good, token: tokens.good }
  const identity = await newClientIdentity(scene)
  return {
    ask: askOnNew(scene, () => current),
    event: async () => {
      if (order === 'certificate first') {
        current = { ...current, identity }
        await waitFor(stepMs)
      }
      current = { identity, token: await tokens.fetch({ certificate: identity }) }
    },
  }
}

async function rotateServerCertificate(
  scene: Scene,
  ask: ProbeSubject['ask'],
): Promise<ProbeSubject> {
  const { folder, issuing, serverTls } = scene.lab
  const { chainPem, privateKeyPem } = await issuing.issue({ ...serverProfile, key: 'p256' })
  const tls = {
    ...serverTls(),
    certificateFile: await writeSecretFile(folder, 'server-chain-2.pem', chainPem),
    keyFile: await writeSecretFile(folder, 'server-key-2.pem', privateKeyPem),
  }
  return { ask, event: () => scene.server.change({ tls }) }
}

async function rotateAuthority(scene: Scene): Promise<ProbeSubject> {
  const { attackers, trusts } = mutualOf(scene)
  const { server, lab } = scene
  await server.reload(trusts.base)
  let identity = lab.good
  return {
    ask: askOnNew(scene, () => ({ identity })),
    event: async () => {
      await server.reload(trusts.both)
      await waitFor(stepMs)
      identity = attackers.orphan
      await waitFor(stepMs)
      await server.reload(trusts.replaced)
    },
  }
}

const stepMs = 500
