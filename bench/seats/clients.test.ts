import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { noRedis } from '../../servers/database-testbed.ts'
import type { RunEnvelope } from '../analysis/envelope-schema.ts'
import { createTargetBed, serveHttps } from '../targets/target-testbed.ts'
import { createWitness } from '../targets/witness.ts'
import { allClients, clientsOfSeat, plannedClients, withOwnClients } from './clients.ts'
import { createCounter, createSeatsBed } from './seats-testbed.ts'

test('100,000 clients are distinct over any number of seats: each number is one seat’s, and none is left out', () => {
  const planned = { first: 7, count: 100_000 }
  for (const seats of [1, 3, 40, 999]) {
    const owners = new Map<number, number>()
    for (let index = 0; index < seats; index++) {
      const { first, count } = clientsOfSeat(planned, index, seats)
      for (let client = first; client < first + count; client++) {
        assert.equal(owners.get(client), undefined, `client ${client} of two seats`)
        owners.set(client, index)
      }
    }
    assert.equal(owners.size, 100_000)
    const numbers = [...owners.keys()]
    assert.deepEqual([numbers[0], numbers.at(-1)], [7, 100_006])
  }
})

const named = { url: 'https://gw.example', cert: '{client:6}.pem', key: '{client:6}.key' }
const planned = { first: 10, count: 9 }
const place = { index: 1, of: 2 }

test('a seat has the clients of the plan, which it need not be told', () => {
  assert.deepEqual(plannedClients({ ...named, clients: 9, firstClient: 10 }), planned)
  assert.equal(plannedClients({ url: named.url }), null)
  const own = { ...named, clients: 4, firstClient: 15 }
  assert.deepEqual(withOwnClients(named, planned, place), own)
  const told = { ...named, clients: 9, firstClient: 10 }
  assert.deepEqual(withOwnClients(told, planned, place), own)
  assert.deepEqual(withOwnClients({ url: 'u' }, null, place), { url: 'u' })
})

const refused: [string, () => unknown, RegExp][] = [
  [
    'more seats than clients',
    () => clientsOfSeat({ first: 0, count: 2 }, 2, 3),
    /^--clients 2: each of 3 seats has clients of its own, give one a seat at least$/,
  ],
  [
    'a seat that counts differently',
    () => withOwnClients({ ...named, clients: 8 }, planned, place),
    /^--clients 8 from 10: the plan has 9 from 10, leave it out here$/,
  ],
  [
    'a seat that begins elsewhere',
    () => withOwnClients({ ...named, clients: 9, firstClient: 0 }, planned, place),
    /^--clients 9 from 0: the plan has 9 from 10, leave it out here$/,
  ],
  [
    'clients of a seat alone',
    () => withOwnClients({ ...named, clients: 8 }, null, place),
    /^--clients 8: the plan is for one client, give it there or leave it$/,
  ],
  [
    'identities of a seat alone',
    () => withOwnClients({ url: 'u', identities: 'file' }, null, place),
    /^--identities: the plan is for one client/,
  ],
]
for (const [what, call, message] of refused) {
  test(`refused: ${what}`, () => {
    assert.throws(call, { code: 'usage', message })
  })
}

test('what took part is counted over all seats: what two have sent alike is one', () => {
  const seat = (...certificates: string[]) => {
    const witness = createWitness(certificates)
    for (const client of certificates.keys()) witness.saw(client)
    return { marks: { certificates: witness.marks().toString('base64'), tokens: null } }
  }
  assert.equal(allClients(null, [seat('a')]), null)
  assert.deepEqual(allClients(planned, [seat('a', 'b', 'c'), seat('d', 'a')]), {
    configured: 9,
    first: 10,
    certificates: 4,
    tokens: null,
  })
  // Unknown is not none.
  assert.equal(allClients(planned, [])?.certificates, null)
})

test(
  'certificates of all clients are presented, by the server’s count, and the run says so',
  { skip: noRedis },
  async (t) => {
    const bed = await createTargetBed(t)
    for (let client = 0; client < 7; client++) {
      const { chainPem, privateKeyPem } = await bed.root.issue({
        kind: 'client',
        key: 'p256',
        commonName: `c${client}`,
      })
      writeFileSync(join(bed.folder, `00${client}.pem`), chainPem)
      writeFileSync(join(bed.folder, `00${client}.key`), privateKeyPem, { mode: 0o600 })
    }
    const counter = createCounter()
    const connections = new Map<string, number>()
    const origin = await serveHttps(t, bed.server, counter.listener, {
      requestCert: true,
      ca: bed.root.certificatePem,
      onSecured: (socket) => {
        const name = socket.getPeerX509Certificate()?.subject ?? 'nobody'
        connections.set(name, (connections.get(name) ?? 0) + 1)
      },
    })
    const seats = await createSeatsBed(t, { url: `${origin}/`, ...counter })
    const credentials = [
      ...['--ca', bed.caFile, '--cert', join(bed.folder, '{client:3}.pem')],
      ...['--key', join(bed.folder, '{client:3}.key')],
    ]
    const coordinator = seats.coordinator(
      'crowd',
      ...['--seats', '3', '--json', '--connections', '7', '--clients', '7', ...credentials],
    )
    const processes = [0, 1, 2].map((index) =>
      seats.seat('crowd', index, '--target', `${origin}/`, ...credentials),
    )
    const { exitCode, out, err } = await coordinator.ended
    assert.equal(exitCode, 0, `${err}${processes.map((seat) => seat.output().err).join('')}`)
    const { cases, warnings } = JSON.parse(out) as RunEnvelope
    const clients = { configured: 7, first: 0, certificates: 7, tokens: null }
    assert.deepEqual(cases[0]?.target?.clients, clients)
    assert.ok(!warnings.some(({ code }) => code === 'idle-clients'))
    assert.deepEqual(
      seats.run().blocks[0]?.windows?.[0]?.seats?.each.map((seat) => seat.clients),
      [
        { ...clients, configured: 3, certificates: 3 },
        { ...clients, configured: 2, first: 3, certificates: 2 },
        { ...clients, configured: 2, first: 5, certificates: 2 },
      ],
    )
    const names = [...connections.keys()].sort()
    assert.deepEqual(
      names,
      Array.from({ length: 7 }, (_, client) => `CN=c${client}`),
    )
  },
)
