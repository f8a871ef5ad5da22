import { Disconnected, RpcError } from './errors.ts'
import { EventLog } from './event-log.ts'
import { gap, type RunEvent, runEventOf, type StreamEvent } from './events.ts'
import type { EventFrame } from './frames.ts'
import type { GatewayEvents, GatewayMethods } from './methods.ts'
import { RunCursors } from './run-cursors.ts'
import type { Progress, RunHost, SentMessage } from './run-host.ts'

type SendParams = GatewayMethods['agent.send']['params']

/** Result of a run: the whole answer and the tokens it took. */
export type RunResult = GatewayMethods['agent.send']['result']

export interface SendOptions {
  readonly attachments?: NonNullable<SendParams['attachments']>
  /** Files that were uploaded with `POST /attachments` within the last hour. */
  readonly attachmentIds?: NonNullable<SendParams['attachmentIds']>
  /** Policy for this message while the agent is busy. Default: that of the session. */
  readonly queueMode?: NonNullable<SendParams['queueMode']>
  /**
   * Names the message: the same key in the same session within 24 hours is the same message. Default: a new one.
   */
  readonly idempotencyKey?: string
  /** Cancels the run; the handle then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** The gateway has the message. */
export interface Accepted {
  /** Name of the message in `queue.get` and `queue.cancel`; undefined for a command, which no queue sees. */
  readonly messageId: string | undefined
  /** Messages and runs that come first; 0 when it runs. */
  readonly position: number
}

const INVALID_REQUEST = -2
const AGENT_BUSY = 3
const CANCELLED = 4
/** The gateway knows a key for 24 hours; an hour is left for clocks that differ. */
const KEY_LIFETIME_MS = 23 * 3_600_000
/** Pause before a resume that the gateway had no room for. */
const RETRY_MS = 1000

/**
 * Handle of one message: `await` it for the result, iterate it for the events of its run, `text()` for the answer as it is written.
 *
 *   unsent ──connected──▶ under way ──answer──▶ settled
 *                           ▲    │
 *                 connected │    │ connection lost, gateway shuts down and keeps the message
 *                           │    ▼
 *                          detached
 *
 * Under way means one request of this connection follows the message: the first `agent.send`; after a break `sessions.resume` from the
 * last event seen; or, when nothing was ever heard of the message, `agent.send` with the same idempotency key, which starts it only if it
 * never arrived. It is settled once: with the result, with the `RpcError` it ended with, or with `Disconnected` when the client is closed.
 */
export class Run implements PromiseLike<RunResult>, AsyncIterable<StreamEvent> {
  /** Name of the message, chosen here: its idempotency key. Stable across reconnects and reloads. */
  readonly id: string
  readonly sessionId: string
  /**
   * Resolves once the gateway has the message; rejects with what the run rejects with when that comes first. May be left unwatched.
   */
  readonly accepted: Promise<Accepted>
  readonly #host: RunHost
  #sent: SentMessage
  readonly #progress: Progress
  readonly #cursors: RunCursors
  readonly #log = new EventLog({ keep: true })
  readonly #result: Promise<RunResult>
  #resolve!: (result: RunResult) => void
  #reject!: (error: unknown) => void
  #accept!: (accepted: Accepted) => void
  #acceptFailed!: (error: unknown) => void
  #request: number | undefined
  #retry: unknown
  #settled = false
  /** The gateway has the message. */
  #heard = false
  #attempts = 0
  /** Part of the answer that an earlier client saw, and its run. */
  readonly #before: { readonly characters: number; readonly runId: string | undefined }
  /** The newest run that the message is part of. */
  #runId: string | undefined
  #joinedAt: number | undefined
  /** The `done` event was seen. */
  #done = false
  /** Of a command that was sent again the events would come twice, under another run. */
  #muted = false
  readonly #unwatch: () => void

  /** Made by `session.send()`. */
  constructor(host: RunHost, sent: SentMessage, progress: Progress, signal?: AbortSignal) {
    this.id = sent.key
    this.sessionId = sent.sessionId
    this.#host = host
    this.#sent = sent
    this.#progress = progress
    this.#cursors = new RunCursors(progress.cursors)
    this.#runId = progress.cursors?.at(-1)?.[0]
    this.#before = { characters: progress.characters ?? 0, runId: this.#runId }
    this.#result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.accepted = new Promise((resolve, reject) => {
      this.#accept = resolve
      this.#acceptFailed = reject
    })
    // Those who only iterate, or send and forget, handle no rejection.
    this.#result.catch(() => {})
    this.accepted.catch(() => {})
    if (progress.messageId !== undefined) this.#acceptedAs(undefined)
    const abort = (): void => {
      void this.cancel().catch(() => {})
      this.#fail(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    this.#unwatch = () => signal?.removeEventListener('abort', abort)
    if (signal?.aborted) abort()
  }

  /** Name of the run in `sessions.resume`, once it has begun. A message that is run again after a crash gets another. */
  get runId(): string | undefined {
    return this.#runId
  }

  /** Name of the message in `queue.get` and `queue.cancel`, once the gateway has it. */
  get messageId(): string | undefined {
    return this.#progress.messageId
  }

  /** Text of the message. */
  get message(): string {
    return this.#sent.params.message
  }

  get attachments(): NonNullable<SendParams['attachments']> {
    return this.#sent.params.attachments ?? []
  }

  get attachmentIds(): NonNullable<SendParams['attachmentIds']> {
    return this.#sent.params.attachmentIds ?? []
  }

  /** It was written to a socket at least once: the gateway may have it. */
  get sent(): boolean {
    return this.#progress.sentAt !== undefined
  }

  /** Number of the first event of `runId` that came. Above 1 for a message that was steered into a run. */
  get joinedAt(): number | undefined {
    return this.#joinedAt
  }

  get settled(): boolean {
    return this.#settled
  }

  // biome-ignore lint/suspicious/noThenProperty: a handle is awaited for its result
  then<A = RunResult, B = never>(
    resolved?: ((result: RunResult) => A | PromiseLike<A>) | null,
    rejected?: ((error: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    return this.#result.then(resolved, rejected)
  }

  /** The events of the run, from the first on, whenever the iteration begins. Throws what the run rejects with, after its `error` event. */
  [Symbol.asyncIterator](): AsyncIterableIterator<StreamEvent> {
    return this.#log.read()
  }

  /**
   * The answer in pieces, as it is written; joined they are `result.content`. Throws what the run rejects with. Where events were lost for good
   * the rest comes in one piece at the end. A run that starts over after a crash of the gateway writes its text again.
   */
  async *text(): AsyncGenerator<string, void, undefined> {
    let { characters: seen, runId } = this.#before
    let complete = true
    for await (const event of this.#log.read()) {
      if (event.event === 'gap') complete = false
      if (event.event !== 'content' || event.data.transient || !complete) continue
      if (event.runId !== runId) seen = 0
      runId = event.runId
      seen += event.data.text.length
      yield event.data.text
    }
    const { content, queue } = await this.#result
    // One that joined a run half-way saw only a part of that run's text.
    if (!complete && queue?.outcome !== 'steered' && content.length > seen) yield content.slice(seen)
  }

  /**
   * Cancels the message: one that waits leaves the queue, the run of one that runs is aborted. What else waits in the session goes on. The
   * handle then rejects with `RpcError` 4.
   * @returns false when it had ended already
   * @throws RpcError, Disconnected, TimedOut
   */
  async cancel(): Promise<boolean> {
    if (this.#settled) return false
    if (this.#attempts === 0 && this.#progress.sentAt === undefined) {
      this.#fail(new RpcError({ code: CANCELLED, message: 'Cancelled before it was sent' }))
      return true
    }
    const accepted = await this.accepted.catch(() => undefined)
    if (!accepted) return false
    const { sessionId } = this
    const { messageId } = accepted
    if (messageId !== undefined && this.#cursors.size === 0) {
      const { cancelled } = await this.#host.call('queue.cancel', { sessionId, messageId })
      if (cancelled) return true
    }
    const runId = messageId ?? this.#runId
    return (await this.#host.call('agent.cancel', { sessionId, runId, keepQueue: true })).cancelled
  }

  /** Sends a message into the run that is under way; the agent sees it before its next step. */
  steer(message: string, options: Omit<SendOptions, 'queueMode'> = {}): Run {
    return this.#host.sendMessage(this.sessionId, message, { ...options, queueMode: 'steer' })
  }

  /** Replaces the text of a message that was never sent. Returns false once it was: the queue of the gateway may have it then. */
  edit(message: string): boolean {
    if (this.#settled || this.sent) return false
    this.#sent = { ...this.#sent, params: { ...this.#sent.params, message } }
    this.#host.messageChanged(this.#sent)
    return true
  }

  /** For a store. @internal */
  get progress(): Progress {
    return { ...this.#progress, cursors: this.#cursors.entries() }
  }

  /** Goes on where it was, over the present connection. @internal */
  advance(): void {
    if (this.#settled || this.#request !== undefined || !this.#host.connected) return
    this.#host.clock.clearTimeout(this.#retry)
    this.#attempts++
    const { messageId } = this.#progress
    const followed = messageId ?? this.#runId
    if (followed === undefined) {
      this.#send()
      return
    }
    this.#open('sessions.resume', { sessionId: this.sessionId, runId: followed, afterSeq: this.#afterSeq() })
  }

  /** Gives the message up: the client is closed, or was refused. @internal */
  abandon(error: RpcError | Disconnected): void {
    const sent = this.#progress.sentAt !== undefined
    this.#fail(error instanceof Disconnected ? new Disconnected({ sent }) : error)
  }

  #send(): void {
    const { params, key } = this.#sent
    const { sentAt } = this.#progress
    const { clock } = this.#host
    if (sentAt !== undefined && clock.now() - sentAt > KEY_LIFETIME_MS) {
      this.#fail(new Disconnected({ sent: true }))
      return
    }
    this.#progress.sentAt = sentAt ?? clock.now()
    this.#host.runChanged(this)
    this.#open('agent.send', { ...params, sessionId: this.sessionId, idempotencyKey: key })
  }

  #open(method: string, params: object): void {
    this.#request = this.#host.send(method, params, {
      onEvent: (frame, size) => this.#receive(frame, size),
      settle: (error, result) => {
        this.#request = undefined
        if (this.#settled) return
        if (error) this.#failed(method, error)
        else this.#succeed(result as RunResult)
      }
    })
  }

  /** Of a message that is part of several runs the gateway cannot tell which one a number counts in. */
  #afterSeq(): number {
    return this.#progress.mode === 'steer_backlog' || this.#cursors.size !== 1 ? 0 : this.#cursors.newest
  }

  #receive(frame: EventFrame, size: number): void {
    if (this.#settled) return
    const event = runEventOf(frame)
    if (event) this.#take(event, size)
    else if (frame.event === 'accepted') this.#acceptedAs(frame.data as GatewayEvents['accepted'])
    this.#host.overheard(frame, size)
  }

  /** Without the event, which is not repeated: a first event of the run or the result says as much. */
  #acceptedAs(accepted: GatewayEvents['accepted'] | undefined): void {
    this.#heard = true
    if (accepted) {
      this.#progress.messageId = accepted.messageId
      this.#progress.mode = accepted.mode
      this.#host.runChanged(this)
    }
    this.#accept({ messageId: this.#progress.messageId, position: accepted?.position ?? 0 })
  }

  #take(event: RunEvent, size: number): void {
    if (this.#muted) return
    const fresh = this.#cursors.take(event)
    if (!fresh) return
    if (event.runId !== this.#runId) {
      this.#runId = event.runId
      this.#joinedAt = event.fromSeq ?? event.seq
      this.#progress.characters = 0
    }
    if (!this.#heard) this.#acceptedAs(undefined)
    if (fresh.event === 'content' && !fresh.data.transient) {
      this.#progress.characters = (this.#progress.characters ?? 0) + fresh.data.text.length
    } else if (fresh.event === 'gap') size = 0
    else if (fresh.event === 'done') this.#done = true
    this.#log.push(fresh, size)
    this.#host.runChanged(this)
  }

  #succeed(result: RunResult): void {
    const { runId, queue } = result
    // The session knows nothing that was ever asked: the message is gone.
    if (runId === null) {
      this.#fail(new RpcError({ code: CANCELLED, message: 'The message is gone, with its session' }))
      return
    }
    if (queue) this.#progress.messageId ??= queue.messageId
    // An answer without its events: it ended too long ago.
    if (!this.#done) this.#log.push(gap(this.sessionId, runId), 0)
    this.#runId = runId
    this.#finish()
    this.#acceptedAs(undefined)
    this.#resolve(result)
    this.#log.end()
  }

  #failed(method: string, error: Error): void {
    if (error instanceof Disconnected) return
    if (!(error instanceof RpcError)) {
      this.#fail(error)
      return
    }
    const { code, data } = error
    const queue = data.queue as { kept?: boolean } | undefined
    const known = this.#progress.messageId !== undefined || this.#runId !== undefined
    // The gateway keeps the message and will run it after its next start: this connection ends soon.
    if (queue?.kept) return
    if (method === 'sessions.resume' && code === INVALID_REQUEST) this.#gone(error)
    else if (code === AGENT_BUSY && !queue && (known || this.#attempts > 1)) this.#later(error)
    else this.#fail(error)
  }

  /** The gateway no longer has the events that come next, or the message. */
  #gone(error: RpcError): void {
    const { firstSeq, runId } = error.data as { firstSeq?: number; runId?: string }
    if (firstSeq !== undefined && runId !== undefined) {
      this.#log.push(gap(this.sessionId, runId), 0)
      this.#cursors.skip(runId, firstSeq - 1)
      this.#open('sessions.resume', {
        sessionId: this.sessionId,
        runId: this.#progress.messageId ?? runId,
        afterSeq: firstSeq - 1
      })
    } else if (this.#progress.messageId === undefined && this.#progress.sentAt !== undefined) {
      // A command: it is answered from memory, under another run.
      this.#muted = true
      this.#send()
    } else this.#fail(error)
  }

  #later({ retryAfterMs = RETRY_MS }: RpcError): void {
    const { clock } = this.#host
    this.#retry = clock.setTimeout(() => this.advance(), Math.max(retryAfterMs, RETRY_MS * (1 + clock.random())))
  }

  #fail(error: unknown): void {
    if (this.#settled) return
    this.#finish()
    this.#acceptFailed(error)
    this.#reject(error)
    this.#log.end(error as Error)
  }

  #finish(): void {
    this.#settled = true
    this.#unwatch()
    this.#host.clock.clearTimeout(this.#retry)
    if (this.#request !== undefined) this.#host.forget(this.#request)
    this.#host.runSettled(this)
  }
}
