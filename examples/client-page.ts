// A server with a page of its own that talks to the gateway inside it: client-page.html, with the client SDK as one file.
import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import gateway from 'flynn-gateway'

const app = Fastify({ logger: true })
await app.register(gateway, { prefix: '/agent' })

const page = await readFile(new URL('client-page.html', import.meta.url))
const client = await readFile(new URL(import.meta.resolve('flynn-gateway/client')))
app.get('/', (_request, reply) => reply.type('text/html').send(page))
app.get('/client.js', (_request, reply) => reply.type('text/javascript').send(client))

await app.listen({ port: Number(process.env.PORT ?? 18800) })
