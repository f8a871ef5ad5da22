// A server of your own with the gateway under /agent: the page at /agent/, the socket at ws://localhost:3000/agent.
import Fastify from 'fastify'
import gateway from 'flynn-gateway'

const app = Fastify({ logger: true })

app.get('/', async () => ({ hello: 'from the host' }))

await app.register(gateway, {
  prefix: '/agent',
  config: { agent: { system_prompt: 'You are the assistant of this shop.' } }
})

// The host's own code reaches the gateway by the one name it sees.
app.get('/load', async () => ({ connections: app.gateway.connections.size }))

await app.listen({ port: Number(process.env.PORT ?? 3000) })
