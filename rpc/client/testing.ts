import type { RpcErrorData } from './errors.ts'
import type { GatewayEvents, GatewayMethods, RunEvents } from './methods.ts'
import { type SocketClass, type SocketLike, uniqueId } from './socket.ts'

/** Something that the scripted agent does. A text is a `content` event. */
export type ScriptedEvent =
  | string
  | { [K in keyof RunEvents]: { readonly event: K; readonly data: RunEvents[K] } }[keyof RunEvents]

/** A message as the scripted agent gets it. */
export interface ScriptedMessage {
  readonly sessionId: string
  readonly message: string
  readonly attachments: NonNullable<GatewayMethods['agent.send']['params']['attachments']>
  /** Aborted when the message is cancelled. */
  readonly signal: AbortSignal
}

/** Answers a message with the events of its run, as they are yielded; `done` or `error` is added. */
export type ScriptedAgent = (message: ScriptedMessage) => Iterable<ScriptedEvent> | AsyncIterable<ScriptedEvent>

/** An error for the fake gateway to answer: thrown by a method or by the agent. Codes are those of the protocol. */
export class FakeError extends Error {
  override readonly name = 'FakeError'
  readonly code: number
  readonly data: RpcErrorData

  constructor(code: number, message: string, data: RpcErrorData = {}) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** Emits an event of one request. */
type Emit<E> = <K extends keyof E & string>(event: K, data: E[K]) => void

type Handler = (params: never, emit: Emit<Record<string, unknown>>, send: (frame: object) => void) => unknown
type SendParams = GatewayMethods['agent.send']['params'] & { readonly sessionId: string }
type SendResult = GatewayMethods['agent.send']['result']

/** An event of a run without the id of a request. */
interface Numbered {
  readonly event: string
  readonly data: unknown
  readonly sessionId: string
  readonly runId: string
  readonly seq: number
}

interface FakeRun {
  readonly id: string
  readonly sessionId: string
  readonly events: Numbered[]
  readonly readers: Set<(event: Numbered) => void>
  readonly controller: AbortController
  outcome: Promise<SendResult>
  ended: boolean
}

/** A turn of the event loop between two events: a test can cut the connection there. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

const HELLO = {
  protocol: { version: 1 },
  version: '0.0.0',
  connectionId: 'fake',
  principal: 'local',
  sessionId: 'ws:fake',
  scopes: ['admin'],
  events: []
}
const METHOD_NOT_FOUND = -3
const INTERNAL_ERROR = 5
const CANCELLED = 4
/** Closing code of a connection that was lost. */
const LOST = 1006

/**
 * A gateway for tests of programs that use the client: in this process, without a network. It answers messages with a script, keeps their
 * events for a resume, and loses connections when the test says so. Nothing of it ends by itself: make a new one for each test.
 *
 *   const fake = new FakeGateway()
 *   fake.agent = function* ({ message }) { yield 'You said: '; yield message }
 *   const gateway = connect('ws://fake', { WebSocket: fake.WebSocket })
 */
export class FakeGateway {
  /** Class for the client's option of the same name. */
  readonly WebSocket: SocketClass
  /** Every request that came, in order. */
  readonly requests: { readonly method: string; readonly params: Readonly<Record<string, unknown>> }[] = []
  /** Answers messages. Default: repeats them. */
  agent: ScriptedAgent = ({ message }) => [message]
  /** False: every attempt to connect fails. */
  reachable = true
  readonly #sockets = new Set<FakeSocket>()
  readonly #handlers = new Map<string, Handler>()
  readonly #runs = new Map<string, FakeRun>()
  /** By session and idempotency key. */
  readonly #keys = new Map<string, FakeRun>()
  /** Subscribed connections, by session. */
  readonly #subscribers = new Map<string, Map<object, (event: Numbered) => void>>()

  constructor() {
    const accept = (socket: FakeSocket): void => this.#accept(socket)
    const receive = (socket: FakeSocket, text: string): void => void this.#receive(socket, text)
    this.WebSocket = class extends FakeSocket {
      constructor() {
        super(accept, receive)
      }
    }
    this.method('system.hello', () => HELLO)
    this.method('system.info', () => ({ version: HELLO.version, uptime: 0, connections: this.#sockets.size }))
    const empty = { title: null, pinned: false, archived: false, history: [], runs: [], older: false, newer: false }
    this.method('sessions.get', ({ sessionId = '' }) => ({ id: sessionId, createdAt: '', lastActiveAt: '', ...empty }))
    this.method('sessions.unsubscribe', ({ sessionId = '' }) => ({ sessionId, subscribed: false }))
    this.method('queue.cancel', () => ({ cancelled: false }))
    this.method('agent.cancel', ({ sessionId = '' }) => ({ cancelled: this.#cancel(sessionId) }))
    this.#handlers.set('agent.send', (params, _emit, send) => this.#send(params, send))
    this.#handlers.set('sessions.resume', (params, _emit, send) => this.#resume(params, send))
    this.#handlers.set('sessions.subscribe', (params, _emit, send) => this.#subscribe(params, send))
  }

  /** Answers a method. The handler's `emit` sends events of the request, also later. */
  method<M extends keyof GatewayMethods & string>(
    name: M,
    handler: (
      params: GatewayMethods[M]['params'],
      emit: Emit<GatewayMethods[M]['events']>
    ) => GatewayMethods[M]['result'] | Promise<GatewayMethods[M]['result']>
  ): void {
    this.#handlers.set(name, handler as Handler)
  }

  /** Sends an extension event to every client. */
  notify<K extends keyof GatewayEvents & string>(event: K, data: GatewayEvents[K]): void {
    for (const socket of this.#sockets) socket.receive({ id: null, event, data })
  }

  /** Closes every connection. The clients come back unless the code is final: 4401, 1008, 4404. */
  disconnect(code = LOST, reason = ''): void {
    for (const socket of [...this.#sockets]) socket.end(code, reason)
  }

  #accept(socket: FakeSocket): void {
    if (!this.reachable) {
      socket.end(LOST, '')
      return
    }
    this.#sockets.add(socket)
    socket.ended = () => {
      this.#sockets.delete(socket)
      for (const subscribers of this.#subscribers.values()) subscribers.delete(socket)
    }
    socket.opened()
  }

  async #receive(socket: FakeSocket, text: string): Promise<void> {
    const { id, method, params = {} } = JSON.parse(text) as { id: number; method: string; params?: Record<string, unknown> }
    if (method !== 'system.hello') this.requests.push({ method, params })
    const send = (frame: object): void => socket.receive({ id, ...frame })
    const emit = (event: string, data: unknown): void => send({ event, data })
    try {
      const handler = this.#handlers.get(method)
      if (!handler) throw new FakeError(METHOD_NOT_FOUND, `FakeGateway has no ${method}: add it with method('${method}', …)`)
      send({ result: await handler(params as never, emit, Object.assign(send, { socket })) })
    } catch (error) {
      send({ error: errorOf(error) })
    }
  }

  #send({ idempotencyKey, ...params }: SendParams, send: (frame: object) => void): Promise<SendResult> {
    const key = idempotencyKey && JSON.stringify([params.sessionId, idempotencyKey])
    const known = key ? this.#keys.get(key) : undefined
    const run = known ?? this.#begin(params)
    if (key) this.#keys.set(key, run)
    if (!known) {
      const data = { messageId: run.id, position: 0, mode: 'followup', preview: params.message.slice(0, 160) }
      send({ event: 'accepted', data, sessionId: run.sessionId })
    }
    return follow(run, 0, send)
  }

  #resume(
    { sessionId, runId, afterSeq = 0 }: GatewayMethods['sessions.resume']['params'],
    send: (frame: object) => void
  ): Promise<SendResult> | { sessionId: string; runId: null } {
    const runs = [...this.#runs.values()].filter((run) => run.sessionId === sessionId)
    const run = runId === undefined ? runs.at(-1) : this.#runs.get(runId)
    return run ? follow(run, afterSeq, send) : { sessionId: sessionId ?? '', runId: null }
  }

  #subscribe(
    { sessionId = '' }: GatewayMethods['sessions.subscribe']['params'],
    send: ((frame: object) => void) & { socket?: object }
  ) {
    const subscribers = this.#subscribers.get(sessionId) ?? new Map<object, (event: Numbered) => void>()
    this.#subscribers.set(sessionId, subscribers.set(send.socket ?? send, send))
    const runs = [...this.#runs.values()].filter((run) => run.sessionId === sessionId && !run.ended)
    return { sessionId, subscribed: true, runs: runs.map(({ id, events }) => ({ runId: id, seq: events.length })) }
  }

  #begin({ sessionId, message, attachments = [] }: SendParams): FakeRun {
    const run: FakeRun = {
      id: uniqueId(),
      sessionId,
      events: [],
      readers: new Set(),
      controller: new AbortController(),
      outcome: new Promise(() => {}),
      ended: false
    }
    this.#runs.set(run.id, run)
    run.outcome = this.#work(run, { sessionId, message, attachments, signal: run.controller.signal })
    run.outcome.catch(() => {})
    return run
  }

  async #work(run: FakeRun, message: ScriptedMessage): Promise<SendResult> {
    const { sessionId, id: runId } = run
    let content = ''
    try {
      await nextTurn()
      for await (const said of this.agent(message)) {
        message.signal.throwIfAborted()
        const { event, data } = typeof said === 'string' ? { event: 'content', data: { text: said } } : said
        if (event === 'content') content += (data as RunEvents['content']).text
        this.#say(run, event, data)
        await nextTurn()
      }
      message.signal.throwIfAborted()
    } catch (error) {
      run.ended = true
      this.#say(run, 'error', errorOf(error))
      throw error
    }
    run.ended = true
    this.#say(run, 'done', { content })
    const queue = { messageId: runId, mode: 'followup', outcome: 'completed' } as const
    return { sessionId, runId, content, response: content, usage: { inputTokens: 0, outputTokens: 0 }, queue }
  }

  #say({ events, readers, sessionId, id: runId }: FakeRun, event: string, data: unknown): void {
    const numbered = { event, data, sessionId, runId, seq: events.length + 1 }
    events.push(numbered)
    for (const read of [...readers, ...(this.#subscribers.get(sessionId)?.values() ?? [])]) read(numbered)
  }

  #cancel(sessionId: string): boolean {
    const live = [...this.#runs.values()].filter((run) => run.sessionId === sessionId && !run.ended)
    for (const { controller } of live) controller.abort(new FakeError(CANCELLED, 'Request cancelled by client'))
    return live.length > 0
  }
}

async function follow(run: FakeRun, afterSeq: number, send: (frame: object) => void): Promise<SendResult> {
  for (const event of run.events.slice(afterSeq)) send(event)
  run.readers.add(send)
  try {
    return await run.outcome
  } finally {
    run.readers.delete(send)
  }
}

function errorOf(error: unknown): { code: number; message: string; data: RpcErrorData } {
  if (error instanceof FakeError) return { code: error.code, message: error.message, data: error.data }
  return { code: INTERNAL_ERROR, message: error instanceof Error ? error.message : String(error), data: {} }
}

/** The client's end of a connection. */
class FakeSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  /** Runs once, when the connection is gone. */
  ended: () => void = () => {}
  readonly #receive: (socket: FakeSocket, text: string) => void
  #open = true

  constructor(accept: (socket: FakeSocket) => void, receive: (socket: FakeSocket, text: string) => void) {
    this.#receive = receive
    // As with a real socket, those who made it have set their handlers by then.
    queueMicrotask(() => this.#open && accept(this))
  }

  send(text: string): void {
    if (this.#open) queueMicrotask(() => this.#open && this.#receive(this, text))
  }

  close(): void {
    this.end(1000, '')
  }

  opened(): void {
    this.onopen?.({} as never)
  }

  receive(frame: object): void {
    if (this.#open) this.onmessage?.({ data: JSON.stringify(frame) } as never)
  }

  end(code: number, reason: string): void {
    if (!this.#open) return
    this.#open = false
    this.ended()
    this.onclose?.({ code, reason } as never)
  }
}
