import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:https'
import { after, before, describe, it } from 'node:test'
import { createLab, type Lab } from '../lab.ts'
import { attack, type AttackRequest } from '../preflight/attack.ts'
import { createFront } from './front.ts'

describe('createFront', () => {
  let lab: Lab
  before(async () => {
    lab = await createLab({ parameters: {} })
  })
  after(() => lab[Symbol.asyncDispose]())

  /** A server that answers with what it was asked, behind a front. */
  async function behind(stack: AsyncDisposableStack) {
    const { chainPem: cert, privateKeyPem: key } = lab.server
    const server = createServer({ cert, key }, (request, response) => {
      const told = `${request.method ?? ''} ${request.headers.authorization ?? ''}`
      response.writeHead(200, { 'content-length': told.length }).end(told)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    stack.defer(async () => {
      server.closeAllConnections()
      await once(server.close(), 'close')
    })
    const address = server.address()
    const to = typeof address === 'object' ? (address?.port ?? 0) : 0
    const front = stack.use(await createFront(lab, { to }))
    const request: AttackRequest = {
      method: 'GET',
      path: '/',
      headers: [['authorization', 'Bearer secret']],
    }
    const ask = async () => {
      const answer = await attack(
        { port: front.port, rootPem: lab.rootPem, identity: null },
        request,
      )
      return answer.kind === 'response' ? `${answer.status} ${answer.body}` : answer.kind
    }
    return { front, ask }
  }

  it('passes requests on, and reads what they carry', async () => {
    await using stack = new AsyncDisposableStack()
    const { front, ask } = await behind(stack)
    assert.equal(front.harvested(), null)
    assert.equal(await ask(), '200 GET Bearer secret')
    assert.equal(front.harvested(), 'Bearer secret')
  })

  it('turns away all but one of so many, drops all, and passes on again', async () => {
    await using stack = new AsyncDisposableStack()
    const { front, ask } = await behind(stack)
    front.behave({ kind: 'limited', oneOf: 2, status: 429 })
    assert.deepEqual([await ask(), await ask()], ['429 ', '200 GET Bearer secret'])
    front.behave({ kind: 'down' })
    assert.equal(await ask(), 'closed')
    front.behave({ kind: 'slow', ms: 1 })
    assert.equal(await ask(), '200 GET Bearer secret')
    front.behave({ kind: 'pass' })
    assert.equal(await ask(), '200 GET Bearer secret')
  })
})
