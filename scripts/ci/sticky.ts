import { at, textAt } from './actions.ts'

/** Where comments of a pull request are. */
export interface Thread {
  readonly apiUrl: string
  /** `owner/name`. */
  readonly repository: string
  readonly number: number
  readonly token: string
}

/** How every comment of ours begins; the same as `bench/render/compare-markdown.ts` writes. */
export const MARKER = '<!-- trustbench -->'

/**
 * Leaves one comment of ours with this body: updates the first there is, deletes further ones, or
 * creates one. Others may copy the marker, so the author counts too. Throws where GitHub refuses.
 */
export async function stick(thread: Thread, body: string): Promise<'created' | 'updated'> {
  const [first, ...others] = await ownComments(thread)
  const issues = `/repos/${thread.repository}/issues`
  if (first === undefined) {
    await call(thread, 'POST', `${issues}/${thread.number}/comments`, { body })
    return 'created'
  }
  await call(thread, 'PATCH', `${issues}/comments/${first}`, { body })
  for (const id of others) await call(thread, 'DELETE', `${issues}/comments/${id}`)
  return 'updated'
}

/** Ids of our comments, oldest first. */
async function ownComments(thread: Thread): Promise<number[]> {
  const path = `/repos/${thread.repository}/issues/${thread.number}/comments`
  const own: number[] = []
  for (let page = 1; page <= MOST_PAGES; page++) {
    const comments = await call(thread, 'GET', `${path}?per_page=${PER_PAGE}&page=${page}`)
    if (!Array.isArray(comments)) throw new TypeError('GitHub: comments are no list')
    own.push(...comments.flatMap(ownId))
    if (comments.length < PER_PAGE) return own
  }
  throw new RangeError(`GitHub: more than ${MOST_PAGES * PER_PAGE} comments`)
}

function ownId(comment: unknown): number[] {
  const id = at(comment, 'id')
  const isOwn =
    textAt(comment, 'user', 'login') === OWN_LOGIN &&
    textAt(comment, 'body')?.trimStart().startsWith(MARKER) === true
  return isOwn && typeof id === 'number' ? [id] : []
}

async function call(
  { apiUrl, token }: Thread,
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: { readonly body: string },
): Promise<unknown> {
  const response = await fetch(`${apiUrl}${path}`, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'user-agent': 'trustbench',
      'x-github-api-version': '2022-11-28',
    },
    // The token must not follow a redirect to another host.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`GitHub: ${method} comments: ${response.status}`)
  return response.status === 204 ? null : await response.json()
}

/** Author of what is written with a workflow's own token, which may not ask who it is. */
const OWN_LOGIN = 'github-actions[bot]'
/** The most that GitHub gives. */
const PER_PAGE = 100
const MOST_PAGES = 100
const TIMEOUT_MS = 30_000
