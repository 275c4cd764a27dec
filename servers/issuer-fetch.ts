import type { CustomFetchOptions } from 'openid-client'
import { fetch } from 'undici'
import type { Agent } from 'undici'

/** Sends a request of `openid-client` by an agent that knows whom to trust, and what to present. */
export async function fetchBy(
  agent: Agent,
  url: string,
  { method, headers, body, signal }: CustomFetchOptions,
): Promise<Response> {
  const answer = await fetch(url, {
    method,
    headers,
    body: body instanceof URLSearchParams ? body.toString() : null,
    redirect: 'manual',
    signal: signal ?? null,
    dispatcher: agent,
  })
  // The library knows only the global Response; undici's is another class of the same form.
  return new Response(await answer.text(), {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
  })
}
