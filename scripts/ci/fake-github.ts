import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

/** A comment as GitHub stores it. */
export interface StoredComment {
  readonly id: number
  body: string
  readonly user: { readonly login: string }
}

/** The part of GitHub's REST API that comments of one pull request are under, on 127.0.0.1; for tests. */
export interface FakeGithub extends AsyncDisposable {
  readonly url: string
  /** Oldest first, as GitHub lists them. */
  readonly comments: StoredComment[]
  /** Method and path of every request, in order. */
  readonly requests: string[]
}

/** Starts it with comments that are there already; `status` refuses every request of a method. */
export async function createFakeGithub(
  existing: readonly Omit<StoredComment, 'id'>[],
  refused: Readonly<Record<string, number>> = {},
): Promise<FakeGithub> {
  const comments = existing.map((comment, index) => ({ ...comment, id: index + 1 }))
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`)
    answer(request, response, comments, refused).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    comments,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  comments: StoredComment[],
  refused: Readonly<Record<string, number>>,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake')
  const method = request.method ?? ''
  const send = (status: number, body: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.headers.authorization !== `Bearer ${FAKE_TOKEN}`) return void send(401, {})
  const status = refused[method]
  if (status !== undefined) return void send(status, { message: 'refused' })
  if (pathname === `/repos/${FAKE_REPOSITORY}/issues/7/comments`) {
    if (method === 'GET') return void send(200, pageOf(comments, searchParams))
    const id = comments.length + 1_000
    comments.push({ id, body: await bodyOf(request), user: { login: 'github-actions[bot]' } })
    return void send(201, { id })
  }
  const id = Number(pathname.replace(`/repos/${FAKE_REPOSITORY}/issues/comments/`, ''))
  const index = comments.findIndex((comment) => comment.id === id)
  const comment = comments[index]
  if (comment === undefined) return void send(404, {})
  if (method === 'DELETE') {
    comments.splice(index, 1)
    response.writeHead(204).end()
    return
  }
  comment.body = await bodyOf(request)
  send(200, { id })
}

/** GitHub gives 30 unless asked for more, and never more than 100. */
function pageOf(comments: readonly StoredComment[], query: URLSearchParams): StoredComment[] {
  const size = Math.min(100, Number(query.get('per_page') ?? 30))
  const start = (Number(query.get('page') ?? 1) - 1) * size
  return comments.slice(start, start + size)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const value: unknown = JSON.parse(await text(request))
  if (
    typeof value === 'object' &&
    value !== null &&
    'body' in value &&
    typeof value.body === 'string'
  ) {
    return value.body
  }
  throw new TypeError('no body')
}

export const FAKE_REPOSITORY = 'trust/bench'
export const FAKE_TOKEN = 'token-of-a-test'
