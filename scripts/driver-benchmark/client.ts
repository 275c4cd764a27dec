import { openLoad, type Load } from './loads.ts'
import type { ClientAnswer, NodeClient, Setup, SliceOrder } from './messages.ts'

// One load generator in a process of its own, so that its CPU is its own: `client.ts ours`.

const client = parseClient(process.argv[2])
let load: Load | null = null

process.once('disconnect', () => process.exit(0))
process.on('message', (message: Setup | SliceOrder) => {
  void answer(message).then(tell, (error: unknown) => {
    tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) })
  })
})

async function answer(message: Setup | SliceOrder): Promise<ClientAnswer> {
  if ('target' in message) {
    const expect = { status: 200, body: Buffer.from(message.expectBody) }
    load = await openLoad(client, { ...message, target: { ...message.target, expect } })
    return { kind: 'ready' }
  }
  if (load === null) return { kind: 'failed', reason: 'a slice was ordered before the setup' }
  return { kind: 'slice', slice: await load(message.requests) }
}

function tell(message: ClientAnswer): void {
  process.send?.(message)
}

function parseClient(name: string | undefined): NodeClient {
  if (name === 'ours' || name === 'autocannon' || name === 'undici') return name
  throw new Error(`client ${name ?? '(none)'}: expected ours, autocannon or undici`)
}
