import { createServer as createHttp } from 'node:http'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

// Of the test of namespaces, on its hub: a target that counts, and for kernels without netem a way to Redis
// for each seat on which every byte takes its time.

const [, , address = '', redisPort = '', targetPort = '', firstRelayPort = '', ...ways] =
  process.argv
let seen = 0
const target = createHttp((request, response) => {
  if (request.url === '/count') {
    response.end(String(seen))
    return
  }
  seen += 1
  response.end('fine')
})
const relays = ways.map((way) => {
  const [thereMs = 0, backMs = 0] = way.split(':').map(Number)
  return createServer((seat) => {
    const redis = connect(Number(redisPort), address)
    pass(seat, redis, thereMs)
    pass(redis, seat, backMs)
  })
})
for (const [seat, relay] of relays.entries()) await listen(relay, Number(firstRelayPort) + seat)
await listen(target, Number(targetPort))
process.stderr.write('listening\n')

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, address)
  await once(server, 'listening')
}

/** Everything later by so much, and in its order: timers of one length fire in theirs. */
function pass(from: Socket, to: Socket, delayMs: number): void {
  from.setNoDelay(true)
  from.on('data', (bytes) => setTimeout(() => to.write(bytes), delayMs))
  from.on('close', () => setTimeout(() => to.destroy(), delayMs))
  from.on('error', () => undefined)
}
