import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import Fastify from 'fastify'
import { WebSocket } from 'ws'
import gateway, { type GatewayOptions } from '../../app.ts'
import { type ConnectOptions, connect, type Frame, scratch, type TestClient, type TestGateway } from '../helper.ts'
import { stubPrograms } from '../programs/stubs.ts'

/** Everything that can be switched on and harms nobody: no shell, no model, no network. */
const EVERYTHING = {
  server: {
    nodes: {
      enabled: true,
      feature_gates: { 'ui.canvas': true, notifications: true },
      location: { enabled: true },
      push: { enabled: true }
    },
    shutdown_grace_seconds: 0
  }
}

export interface LoudGateway extends TestGateway {
  /** What its log says of errors, a JSON text each. */
  readonly errors: readonly string[]
}

/** A gateway with everything on, whose errors are heard. */
export async function loud(
  t: TestContext,
  { server = {}, ...config }: Record<string, unknown> & { readonly server?: object } = {}
): Promise<LoudGateway> {
  const errors: string[] = []
  const dataDir = await scratch(t)
  const host = Fastify({
    forceCloseConnections: true,
    logger: { level: 'error', stream: { write: (line: string) => void errors.push(line) } }
  })
  const options = {
    config: { ...EVERYTHING, ...config, data_dir: dataDir, server: { ...EVERYTHING.server, ...server } }
  }
  // No program of this machine is found: what the tests ask for at random is not done to whoever runs them.
  const { plugin } = await stubPrograms(t, {})
  await host.register(gateway, { ...options, plugins: [plugin] } as GatewayOptions)
  t.after(() => host.close())
  await host.listen({ port: 0, host: '127.0.0.1' })
  const { port } = host.server.address() as AddressInfo
  return { host, app: host.gateway, url: `http://127.0.0.1:${port}`, dataDir, errors }
}

/** The ways in which a frame or body may come, each answered in its own way. */
export const TRANSPORTS = ['native', '2.0', 'HTTP', 'NDJSON'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** An answer, whatever it came by: the specification's error in every case. */
export interface Answer {
  readonly result?: Frame
  readonly error?: Frame
  /** Over HTTP. */
  readonly status?: number
}

/** One client by one transport. Its socket is opened when it is needed, and again when a method has closed it. */
export class Line {
  readonly transport: Transport
  readonly #t: TestContext
  readonly #url: string
  readonly #as: ConnectOptions
  #client: TestClient | undefined
  #id = 0

  /** `as`: the credential, as it is sent with the handshake or with each request. */
  constructor(t: TestContext, url: string, transport: Transport, as: ConnectOptions = {}) {
    this.#t = t
    this.#url = url
    this.#as = as
    this.transport = transport
  }

  get overHttp(): boolean {
    return this.transport === 'HTTP' || this.transport === 'NDJSON'
  }

  async client(): Promise<TestClient> {
    if (this.#client?.socket.readyState !== WebSocket.OPEN) {
      const dialect = this.transport === '2.0' ? '2.0' : 'native'
      this.#client = await connect(this.#t, this.#url, { ...this.#as, dialect })
    }
    return this.#client
  }

  /** Sends `params` as they are written; without, none. */
  async ask(method: string, params?: string): Promise<Answer> {
    if (this.overHttp) return await this.#post(method, params)
    const client = await this.client()
    const id = ++this.#id
    const strict = this.transport === '2.0' ? '"jsonrpc":"2.0",' : ''
    client.send(`{${strict}"id":${id},"method":${JSON.stringify(method)}${params === undefined ? '' : `,"params":${params}`}}`)
    // A frame that was refused unread is answered without its id.
    const frame = await client.frame((it) => (it.id === id || it.id === null) && ('result' in it || 'error' in it))
    const answer = this.#plain(frame)
    client.frames.length = 0
    return answer
  }

  /** Sends a text as a frame, and waits for the answer to it: the only one under way. */
  async send(text: string): Promise<Frame> {
    const client = await this.client()
    client.frames.length = 0
    client.send(text)
    return await client.frame((frame) => Array.isArray(frame) || 'result' in frame || 'error' in frame)
  }

  close(): void {
    this.#client?.socket.close()
  }

  async #post(method: string, params = ''): Promise<Answer> {
    const { token, headers = {} } = this.#as
    const response = await fetch(`${this.#url}/rpc/${method}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: this.transport === 'NDJSON' ? 'application/x-ndjson' : 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers
      },
      body: params
    })
    const lines = (await response.text()).trimEnd().split('\n')
    const { result, error } = JSON.parse(lines.at(-1)!)
    return { status: response.status, result, error }
  }

  #plain({ result, error }: Frame): Answer {
    if (error === undefined) return { result }
    return { error: this.transport === '2.0' ? { ...error, jsonrpc: error.code, code: error.data.code } : error }
  }
}
