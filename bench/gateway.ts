import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify from 'fastify'
import gateway from '../app.ts'

/** The gateway as it is, on a free port, with a database of its own. */
const dataDir = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
const host = Fastify()
await host.register(gateway, { config: { dataDir } })
await host.listen({ port: 0, host: '127.0.0.1' })
process.send!({ port: (host.server.address() as { port: number }).port })
process.on('message', () => {
  globalThis.gc?.()
  process.send!({ rss: process.memoryUsage().rss })
})
