import { agreedScopes } from '../lab-configurations.ts'
import { crowdOf, type CrowdMember } from '../crowd.ts'
import type { PairRefusals } from '../results.ts'
import type { Case } from '../scenario.ts'
import type { ServerProcess } from '../processes.ts'
import type { Answer } from './attack.ts'
import { refusedWith } from './attempt.ts'
import type { Attempt, Probe } from './attempt.ts'
import { paymentPath, once } from './scene.ts'
import type { Presentation, Scene } from './scene.ts'

/** What is tried of a case with partners, and how often. */
export interface Pairs {
  readonly attempts: readonly Attempt[]
  /** Afterwards. */
  readonly counts: () => PairRefusals
}

/**
 * Every partner's credential at every other partner's payments; then what was not agreed with a partner, and
 * what goes beyond its quota. Null where clients are no partners.
 */
export async function createPairs(testCase: Case, scene: Scene): Promise<Pairs | null> {
  if (scene.credentials.partners !== true) return null
  const partners = await createPartners(scene)
  const size = partners.length
  const counts = { partners: size, tried: 0, refused: 0 }
  return {
    counts: () => ({ ...counts }),
    attempts: [
      {
        id: 'P1',
        entry: refuse('P1', `each of ${size} partners at the payments of each other`),
        probes: [everyPair(scene, partners, counts)],
      },
      {
        id: 'P2',
        entry: refuse('P2', 'writing, where a partner may only read'),
        probes: partners.filter(isReader).map((partner) => notAgreed(scene, partner)),
      },
      quotaAttempt(testCase, scene, partners),
    ],
  }
}

interface Partner {
  readonly member: CrowdMember
  readonly presentation: Pick<Presentation, 'identity' | 'token'>
}

async function createPartners(scene: Scene): Promise<Partner[]> {
  const { lab, tokens, credentials } = scene
  const members = crowdOf(lab.settings.clients)
  const identities = credentials.certificate ? await lab.crowd() : []
  return members.map((member, index) => ({
    member,
    presentation: {
      identity: identities[index] ?? null,
      token: tokens === null ? null : tokens.forge.token({ claims: claimsOf(member) }),
    },
  }))
}

function claimsOf({ clientId, orgId }: CrowdMember) {
  const scope = agreedScopes(orgId).join(' ')
  return { sub: clientId, client_id: clientId, org_id: orgId, scope }
}

/** One connection a partner: over it its own payments, then those of all others. */
function everyPair(scene: Scene, partners: readonly Partner[], counts: MutableCounts): Probe {
  return {
    expected: refusedWith(403, 'wrong_tenant'),
    counted: scene.server,
    control: () => firstNot(partners, 200, (partner) => askAs(scene, partner, partner)),
    bad: () =>
      firstNot(partners, 403, (partner) => askOthers(scene, { partner, partners, counts })),
    note: () => `${counts.refused} of ${counts.tried}`,
    also: () => missing(counts),
  }
}

interface MutableCounts {
  tried: number
  refused: number
  readonly partners: number
}

/** The first answer that is another than it must be, or else the last. */
async function firstNot(
  partners: readonly Partner[],
  status: number,
  ask: (partner: Partner) => Promise<Answer>,
): Promise<Answer> {
  let last: Answer = { kind: 'silent' }
  for (const partner of partners) {
    last = await ask(partner)
    if (last.kind !== 'response' || last.status !== status) return last
  }
  return last
}

async function askAs(
  scene: Scene,
  { presentation }: Partner,
  { member }: Partner,
): Promise<Answer> {
  return scene.ask({ ...presentation, path: paymentPath(member.orgId) })
}

/** All of a partner's attempts; the first that was not refused, or else the last. */
async function askOthers(
  scene: Scene,
  {
    partner,
    partners,
    counts,
  }: {
    readonly partner: Partner
    readonly partners: readonly Partner[]
    readonly counts: MutableCounts
  },
): Promise<Answer> {
  using connection = scene.open(partner.presentation)
  let last: Answer = { kind: 'silent' }
  let odd: Answer | null = null
  for (const { member } of partners) {
    if (member === partner.member) continue
    const path = paymentPath(member.orgId)
    last = await connection.ask(scene.requestOf({ ...partner.presentation, path }))
    counts.tried += 1
    if (last.kind === 'response' && last.status === 403) counts.refused += 1
    else odd ??= last
  }
  return odd ?? last
}

function missing({ partners, tried }: MutableCounts): string | null {
  const wanted = partners * (partners - 1)
  return tried === wanted ? null : `${tried} of ${wanted} pairs were tried`
}

function isReader({ member }: Partner): boolean {
  return agreedScopes(member.orgId).length === 1
}

/** A token for more than was agreed does not help: what counts is what the API knows of the partner. */
function notAgreed(scene: Scene, { member, presentation }: Partner): Probe {
  const { tokens } = scene
  const own = { ...presentation, path: paymentPath(member.orgId) }
  const greedy =
    tokens === null
      ? presentation
      : {
          ...presentation,
          token: tokens.forge.token({
            claims: { ...claimsOf(member), scope: 'payments:read payments:write' },
          }),
        }
  return {
    expected: refusedWith(403, 'not_agreed'),
    counted: scene.server,
    control: () => scene.ask(own),
    bad: () =>
      scene.ask({
        ...greedy,
        method: 'POST',
        path: `/v1/orgs/${member.orgId}/payments`,
        body: '{"amount":"1.00","currency":"EUR"}',
      }),
  }
}

/** A server of its own, where the quota is one request; another partner's is untouched. */
function quotaAttempt(testCase: Case, scene: Scene, [first, second]: readonly Partner[]): Attempt {
  const open = once(() => {
    const { partners } = scene.config
    if (partners === null) throw new Error(`${testCase.id} has no partners`)
    const small = Object.fromEntries(
      Object.entries(partners.partners).map(([orgId, one]) => [
        orgId,
        { ...one, quotaPerMinute: 1 },
      ]),
    )
    const auditFile = `${partners.auditFile}.quota`
    return scene.extra('quota', { ...scene.config, partners: { partners: small, auditFile } })
  })
  const ask = async (partner: Partner | undefined) => {
    if (partner === undefined) throw new Error(`${testCase.id} has fewer than two partners`)
    const { presentation, member } = partner
    return scene.ask({ ...presentation, at: await open(), path: paymentPath(member.orgId) })
  }
  return {
    id: 'P3',
    entry: refuse('P3', 'a request beyond the quota'),
    prepare: async () => {
      await open()
    },
    probes: [
      {
        expected: refusedWith(429, 'quota_exceeded'),
        counted: { snapshot: async () => (await open()).snapshot() },
        control: () => ask(first),
        bad: () => ask(first),
        also: async () => othersFault(await ask(second), await open()),
      },
    ],
  }
}

async function othersFault(answer: Answer, server: ServerProcess): Promise<string | null> {
  if (answer.kind === 'response' && answer.status === 200) return null
  const { responses } = await server.snapshot()
  return `another partner's first request was refused too (${JSON.stringify(responses)})`
}

function refuse(id: string, describe: string) {
  return { id, kind: 'refuse', describe } as const
}
