import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'

export { startGateway as build, type TestGateway } from './contract/gateway.ts'

/** Whatever frame the gateway sends; each test looks at what it expects. */
// biome-ignore lint/suspicious/noExplicitAny: frames of every shape
export type Frame = Record<string, any>

/** The part of a test's context by which its resources are closed. */
export type Cleanup = Pick<TestContext, 'after'>

/** A folder of its own, gone after the test. */
export async function scratch(t: Cleanup): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flynn-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Keeps the process there for a test of parts alone: timers of the gateway hold nothing, and Node.js 22 ends a test that nothing holds. */
export function hold(t: Cleanup): void {
  const holding = setInterval(() => {}, 60_000)
  t.after(() => clearInterval(holding))
}

export interface ConnectOptions {
  readonly token?: string
  readonly headers?: Record<string, string>
  readonly protocols?: string[]
  readonly dialect?: 'native' | '2.0'
}

/** A raw client of the protocol: sees every frame, hides nothing. */
export class TestClient {
  readonly socket: WebSocket
  /** Every frame that came, in order. */
  readonly frames: Frame[] = []
  readonly #waiting = new Set<() => void>()
  readonly #dialect: 'native' | '2.0'
  #id = 0

  constructor(socket: WebSocket, dialect: 'native' | '2.0') {
    this.socket = socket
    this.#dialect = dialect
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as Frame
      this.frames.push(frame)
      for (const wake of this.#waiting) wake()
    })
    socket.on('close', () => {
      for (const wake of this.#waiting) wake()
    })
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  /** The first frame, among those that came and those to come, that fits; fails when the socket closes before. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(fits)
      if (found) return found
      if (this.socket.readyState === WebSocket.CLOSED)
        throw new Error(`closed before the frame came; got ${JSON.stringify(this.frames)}`)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      await promise
      this.#waiting.delete(resolve)
    }
  }

  /** Sends a request and answers its id. */
  start(method: string, params?: Record<string, unknown>): number {
    const id = ++this.#id
    this.send({ ...(this.#dialect === '2.0' ? { jsonrpc: '2.0' } : {}), id, method, ...(params ? { params } : {}) })
    return id
  }

  /** The final frame of a request: its result or its error. */
  final(id: number): Promise<Frame> {
    return this.frame((frame) => frame.id === id && ('result' in frame || 'error' in frame))
  }

  /** The events of a request so far, in the native form. */
  events(id: number): Frame[] {
    return this.frames
      .map((frame) => (frame.method === 'event' ? (frame.params as Frame) : frame))
      .filter((frame) => frame.id === id && 'event' in frame)
  }

  /** The result of a request; an error frame is thrown as it is. */
  async call(method: string, params?: Record<string, unknown>): Promise<Frame> {
    const frame = await this.final(this.start(method, params))
    if ('error' in frame) throw frame.error
    return frame.result as Frame
  }

  async closed(): Promise<{ code: number; reason: string }> {
    if (this.socket.readyState === WebSocket.CLOSED) throw new Error('already closed')
    return await new Promise((resolve) => this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })))
  }
}

/** Opens a socket to the gateway; closed after the test. */
export async function connect(
  t: Cleanup,
  url: string,
  { token, headers = {}, protocols = [], dialect = 'native' }: ConnectOptions = {}
): Promise<TestClient> {
  const socket = new WebSocket(url.replace('http', 'ws'), protocols, {
    headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers }
  })
  t.after(() => socket.terminate())
  // The client listens before the handshake ends: a refusal comes with it.
  const client = new TestClient(socket, dialect)
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return client
}

/** The rejection of a promise, which must come. */
export async function rejection(promise: Promise<unknown>): Promise<Frame> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: Frame) => ({ error })
  )
  assert.ok('error' in outcome, `expected a failure, got ${JSON.stringify(outcome)}`)
  return outcome.error
}
