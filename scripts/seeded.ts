// Starts a gateway with made-up conversations, to look at its pages: node scripts/seeded.ts [PORT] [MESSAGES]
import { mkdtemp } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify from 'fastify'
import gateway from '../app.ts'
import { SEED_CONFIG, seed } from '../test/public/seed.ts'

const [port = '18811', messages = '600'] = process.argv.slice(2)
const host = Fastify()
await host.register(gateway, { config: { ...SEED_CONFIG, data_dir: await mkdtemp(path.join(tmpdir(), 'flynn-seeded-')) } })
await host.listen({ port: Number(port), host: '127.0.0.1' })
const url = `http://127.0.0.1:${(host.server.address() as AddressInfo).port}`
await seed(url, { messages: Number(messages) })
process.stdout.write(`${url}\n`)
