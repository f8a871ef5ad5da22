import { Agent, WebSocket } from 'undici'
import { EXIT, Failure } from './exit.ts'
import { askHealth, pinned } from './probe.ts'
import type { Target } from './target.ts'

/** A frame of the gateway. */
export interface Frame {
  readonly id?: number | null
  readonly event?: string
  readonly data?: unknown
  readonly sessionId?: string
  readonly runId?: string
  readonly seq?: number
  readonly fromSeq?: number
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/** The gateway has answered, with an error of its own. */
export class Refusal extends Failure {
  constructor({ code, message }: { readonly code: number; readonly message: string }) {
    super(EXIT.failed, `error ${code}: ${message}`)
  }
}

interface Request {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** One socket to a gateway: any number of requests, each with its events. */
export class GatewaySocket {
  /** Settles once the socket is gone, with why. */
  readonly closed: Promise<Failure>
  readonly #socket: WebSocket
  readonly #requests = new Map<number, Request>()
  /** By request. A subscription goes on after its result: its events keep coming under the same id. */
  readonly #listeners = new Map<number, (frame: Frame) => void>()
  #id = 0
  /** What the gateway said on its own: a refusal. */
  #told: Failure | undefined

  private constructor(socket: WebSocket, onEvent: (frame: Frame) => void) {
    this.#socket = socket
    const { promise, resolve } = Promise.withResolvers<Failure>()
    this.closed = promise
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Frame, onEvent))
    socket.addEventListener('close', ({ code, reason }) => {
      const why =
        this.#told ??
        new Failure(EXIT.unavailable, `the gateway closed the connection (${[code, reason].filter(Boolean).join(' ')})`)
      for (const { reject } of this.#requests.values()) reject(why)
      this.#requests.clear()
      resolve(why)
    })
  }

  /**
   * Opens a socket. `onEvent` is told what belongs to no request.
   * @throws Failure that says why there is none
   */
  static async open(target: Target, onEvent: (frame: Frame) => void = () => {}): Promise<GatewaySocket> {
    const { url, token, certificate } = target
    const socket = new WebSocket(url.replace(/^http/, 'ws'), {
      ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
      dispatcher: new Agent({ connect: certificate ? pinned(certificate) : {} })
    })
    const gateway = new GatewaySocket(socket, onEvent)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('error', ({ error }) => reject(error))
    try {
      await promise
    } catch (cause) {
      throw await explained(target, cause)
    }
    return gateway
  }

  /** @throws Refusal the gateway's error; Failure when the socket is gone */
  async call(method: string, params: object, event: (frame: Frame) => void = () => {}): Promise<unknown> {
    const id = ++this.#id
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#requests.set(id, { resolve, reject })
    this.#listeners.set(id, event)
    this.#socket.send(JSON.stringify({ id, method, params }))
    try {
      return await promise
    } finally {
      if (method !== 'sessions.subscribe') this.#listeners.delete(id)
    }
  }

  close(): void {
    this.#socket.close()
  }

  #take(frame: Frame, onEvent: (frame: Frame) => void): void {
    const { id, event, result, error } = frame
    const own = typeof id === 'number' ? id : 0
    const request = this.#requests.get(own)
    if (event !== undefined) (this.#listeners.get(own) ?? onEvent)(frame)
    else if (error && request) request.reject(new Refusal(error))
    else if (error) this.#told = new Refusal(error)
    else request?.resolve(result)
    if (event === undefined) this.#requests.delete(own)
  }
}

/** A failed handshake tells nothing of why: a plain request does. */
async function explained(target: Target, cause: unknown): Promise<Failure> {
  try {
    const { status } = await askHealth(target)
    if (status === 429)
      return new Failure(EXIT.unavailable, `${target.url} lets nobody in for now: too many wrong tokens. Wait a minute`)
    return new Failure(EXIT.unavailable, `no gateway at ${target.url}: it does not open a socket (HTTP ${status})`, { cause })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ECONNREFUSED' ? 'nothing listens there. Start one with: flynn-gateway start' : (code ?? message)
    return new Failure(EXIT.unavailable, `no gateway at ${target.url}: ${why}`, { cause })
  }
}
