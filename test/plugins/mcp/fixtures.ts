import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { FastifyBaseLogger } from 'fastify'
import { McpServer, type McpServerOptions } from '../../../plugins/mcp/server.ts'
import type { Limits, ServerSettings } from '../../../plugins/mcp/server-options.ts'
import type { SourcedTool, ToolOutput } from '../../../plugins/tools/define.ts'

export const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url))

export interface Entry {
  readonly level: string
  readonly message: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A log that can be waited for. */
export class Journal {
  readonly entries: Entry[] = []
  readonly log: FastifyBaseLogger
  readonly #waiting = new Set<() => void>()

  constructor() {
    const write =
      (level: string) =>
      (data: Entry['data'], message = ''): void => {
        this.entries.push({ level, message, data })
        for (const wake of this.#waiting) wake()
      }
    const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'].map((level) => [level, write(level)])
    this.log = Object.fromEntries(levels) as FastifyBaseLogger
  }

  /** The first entry whose JSON holds the text, among those that came and those to come. */
  async entry(text: string): Promise<Entry> {
    for (;;) {
      const found = this.entries.find((entry) => JSON.stringify(entry).includes(text))
      if (found) return found
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      await promise
      this.#waiting.delete(resolve)
    }
  }
}

export interface Rig {
  readonly server: McpServer
  readonly journal: Journal
  /** Waits for the tool of that name. */
  tool(name: string): Promise<SourcedTool>
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<string | ToolOutput>
}

type Options = Partial<Omit<McpServerOptions, 'name' | 'settings' | 'log' | 'limits'>> & { readonly limits?: Partial<Limits> }

const EMPTY: ServerSettings = { args: [], env: {}, headers: {}, allow: ['*'], deny: [] }

/** A server by its settings; ended after the test. Callers wait until it runs, unless the test shortens their patience. */
export function rig(t: TestContext, settings: Partial<ServerSettings>, { limits = {}, ...options }: Options = {}): Rig {
  const journal = new Journal()
  const server = new McpServer({
    name: 'example',
    settings: { ...EMPTY, ...settings },
    log: journal.log,
    limits: { patienceMs: 60_000, graceMs: 100, ...limits },
    ...options
  })
  t.after(() => server.close())
  const tool = async (name: string): Promise<SourcedTool> => {
    const found = (await server.tools()).find((candidate) => candidate.name === `example.${name}`)
    if (!found) throw new Error(`no tool ${name}: ${JSON.stringify(journal.entries)}`)
    return found
  }
  return {
    server,
    journal,
    tool,
    async call(name, args = {}, signal = new AbortController().signal) {
      const session = { id: 'test:1', workspace: '/nowhere' }
      return await (await tool(name)).run(args, { signal, session, access: 'owner', actor: 'token:test', log: journal.log })
    }
  }
}

/** A program of `fixtures/`, as a server. */
export function program(file: string, ...args: string[]): Partial<ServerSettings> {
  return { command: process.execPath, args: [`${FIXTURES}${file}`, ...args] }
}

/** An HTTP server whose requests are answered as `fetch` would be; closed after the test. */
export async function serve(t: TestContext, answer: (request: Request) => Response | Promise<Response>): Promise<string> {
  const server = createServer(async (request, reply) => {
    const aborting = new AbortController()
    reply.once('close', () => aborting.abort())
    const response = await answer(await requestOf(request, aborting.signal))
    reply.writeHead(response.status, Object.fromEntries(response.headers))
    reply.flushHeaders()
    try {
      for await (const chunk of response.body ?? [])
        if (!reply.write(chunk)) await once(reply, 'drain', { signal: aborting.signal })
    } catch {
      // The client went away.
    }
    reply.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

async function requestOf(request: IncomingMessage, signal: AbortSignal): Promise<Request> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { method = 'GET', url = '/', headers } = request
  const body = method === 'POST' ? { body: Buffer.concat(chunks) } : {}
  return new Request(`http://${headers.host}${url}`, { method, headers: headers as Record<string, string>, signal, ...body })
}

/** True while a process of that number exists. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
