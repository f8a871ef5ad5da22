import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify from 'fastify'
import gateway from '../app.ts'

/** The gateway as it is, on a free port, with a database of its own. */
const dataDir = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
const host = Fastify()
// Nothing is merged, however slowly the client reads: each event is counted.
const sendBufferBytes = 64 * 1024 * 1024
const baseUrl = process.env.MODEL_URL
const models =
  baseUrl === undefined ? {} : { default: { openai_compatible: { baseUrl, model: 'bench', contextWindow: 1_000_000 } } }
await host.register(gateway, { config: { dataDir, models, server: { sendBufferBytes } } })
await host.listen({ port: 0, host: '127.0.0.1' })
process.send!({ port: (host.server.address() as { port: number }).port })
process.on('message', (asked) => {
  if (asked === 'rss') globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send!({ rss: process.memoryUsage().rss, cpu: user + system })
})
