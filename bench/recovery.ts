/**
 * Recovery time of a gateway that died with 10,000 messages waiting in 1,000 sessions: from the start of the program to the first answer
 * of a request, and to the end of the last message. Run it with `node bench/recovery.ts`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { v7 as uuid } from 'uuid'
import { open } from '../db/client.ts'

const MESSAGES = 10_000
const SESSIONS = 1_000

const folder = await mkdtemp(path.join(tmpdir(), 'flynn-bench-'))
const file = path.join(folder, 'data', 'flynn.db')
const policy = { mode: 'followup', cap: 1000, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true } as const

const before = await open({ file })
const ids = Array.from({ length: MESSAGES }, () => uuid())
await Promise.all(
  ids.map((id, n) => {
    const message = `say this is message ${n}`
    return before.queue.accept({
      id,
      sessionId: `bench:${n % SESSIONS}`,
      owner: 'local',
      priority: 'person',
      policy,
      preview: message,
      acceptedAt: Date.now(),
      body: { message, attachments: [] }
    })
  })
)
await before.close()

const started = performance.now()
const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(2)} s`
const program = fileURLToPath(new URL('../server.ts', import.meta.url))
const child = spawn(process.execPath, [program, '--port', '0'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
let url: string | undefined
for await (const line of createInterface(child.stdout)) {
  url = /Flynn gateway on (\S+),/.exec(line)?.[1]
  if (url !== undefined) break
}
const ask = (method: string, params: object) =>
  fetch(`${url}/rpc/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params)
  }).then((response) => response.json())
await ask('system.info', {})
process.stdout.write(`${MESSAGES} messages in ${SESSIONS} sessions: serves after ${seconds()}`)
await ask('agent.send', { message: 'say hello', sessionId: 'bench:new' })
process.stdout.write(`, answers a new message after ${seconds()}`)
for (const [n, runId] of ids.entries()) {
  if (n >= MESSAGES - SESSIONS) await ask('sessions.resume', { sessionId: `bench:${n % SESSIONS}`, runId })
}
process.stdout.write(`, has answered the last old one after ${seconds()}\n`)
child.kill()
await once(child, 'exit')
await rm(folder, { recursive: true })
