import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../../lanes/clock.ts'
import { type ErrorName, RpcError } from '../../rpc/errors.ts'
import type { EventListener, Notice, RunEvent, RunOutcome } from '../../rpc/schemas/run-events.ts'
import { ReplayRetention } from './replay-retention.ts'
import { Stream } from './stream.ts'
import type { Result } from './waiter.ts'
import { type Message, Waiter } from './waiter.ts'

/** Identity and lifetime of a listener. */
export interface Audience {
  /** Once aborted, the listener gets no more events, and the wait is rejected. */
  readonly signal?: AbortSignal | undefined
  /** Connection behind the listener. Its subscription leaves out events that this listener gets. */
  readonly connectionId?: string | undefined
}

export interface Following {
  /** Resolves or rejects (RpcError) once. It need not be watched. */
  readonly outcome: Promise<Result>
  /** Stops the events, and rejects an outcome that has not come. May be called again. */
  stop(): void
}

export interface HubOptions {
  readonly clock: Clock
  readonly log: Pick<FastifyBaseLogger, 'error'>
}

/** Per-session state. Entries are removed when empty. */
interface Topic {
  readonly subscribers: Set<Subscriber>
  readonly live: Set<Stream>
  /** The stream that ended last. */
  newest: Stream | undefined
}

const refusal = (kind: ErrorName, message: string): RunOutcome => ({ error: { kind, message, data: {} } })
const CLOSING = refusal('AgentBusy', 'The gateway is shutting down')
const STOPPED = refusal('RequestCancelled', 'The requester is gone')

interface Subscriber {
  readonly listener: EventListener
  readonly connectionId: string | undefined
}

/**
 * Connects runs with listeners. Events are plain data. They are delivered in the order in which they were
 * published, and reaches each listener once. A listener that throws is logged, and does not affect others.
 */
export class Hub {
  readonly #log: HubOptions['log']
  readonly #kept: ReplayRetention
  readonly #topics = new Map<string, Topic>()
  readonly #streams = new Map<string, Stream>()
  readonly #messages = new Map<string, Message>()
  readonly #following = new Map<Waiter, () => void>()
  /** Events that a listener publishes while it is called. They wait until all listeners got the current one. */
  #next: (() => void)[] = []
  #telling = false
  #closed = false
  readonly #observer = {
    said: (stream: Stream, event: RunEvent): void => this.#said(stream, event),
    ended: (stream: Stream, outcome: RunOutcome): void => this.#ended(stream, outcome)
  }

  constructor({ clock, log }: HubOptions) {
    this.#log = log
    this.#kept = new ReplayRetention(clock, (stream) => this.#forgotten(stream))
  }

  /** The stream of a run, created if necessary. Its creator has to end it. */
  stream(sessionId: string, runId: string): Stream {
    const known = this.#streams.get(runId)
    if (known !== undefined) return known
    const stream = new Stream(sessionId, runId, this.#observer)
    this.#streams.set(runId, stream)
    this.#topic(sessionId).live.add(stream)
    this.#kept.begin(stream)
    return stream
  }

  /** Attaches a message to a run. Followers of the message receive the run's events from now on. */
  joined(sessionId: string, runId: string, messageId: string): void {
    const stream = this.stream(sessionId, runId)
    const message = this.#message(sessionId, messageId)
    if (message.joins.has(stream)) return
    message.joins.set(stream, stream.seq)
    stream.messages.add(message)
    for (const follower of message.followers) listen(follower, stream)
  }

  /** Settles a message: its followers get the outcome. The first end stands. */
  settled(sessionId: string, messageId: string, outcome: RunOutcome): void {
    const message = this.#messages.get(messageId)
    if (message === undefined || message.sessionId !== sessionId || message.settled !== undefined) return
    message.settled = outcome
    this.#inOrder(() => {
      for (const follower of message.followers) this.#settle(follower, outcome)
      this.#prune(message)
    })
  }

  /** Publishes an extension event about a message to its followers and the subscribers of its session. */
  notify(sessionId: string, messageId: string, event: string, data: unknown): void {
    const followers = this.#messages.get(messageId)?.followers
    this.#inOrder(() => this.#tell({ sessionId, messageId, event, data }, followers ?? []))
  }

  /** Publishes an extension event about a run to its followers and the subscribers of its session. It has no number, and is not replayed. */
  announce(stream: Stream, event: string, data: unknown): void {
    if (stream.ended) return
    const [message] = stream.messages
    this.#inOrder(() =>
      this.#tell({ sessionId: stream.sessionId, messageId: message?.id ?? '', event, data }, stream.readers.keys())
    )
  }

  /**
   * Follows a message until it is settled: new events, and before them the events of its runs after `afterSeq` and since it joined them.
   * Events that are no longer kept are left out.
   */
  follow(
    { sessionId, messageId, afterSeq = 0, ...audience }: Audience & { sessionId: string; messageId: string; afterSeq?: number },
    listener: EventListener
  ): Following {
    const message = this.#message(sessionId, messageId)
    const follower = new Waiter(listener, audience.connectionId, message)
    message.followers.add(follower)
    const following = this.#begin(follower, audience.signal)
    for (const [stream, from] of message.joins) this.#read(follower, stream, Math.max(from, afterSeq))
    if (message.settled !== undefined) this.#settle(follower, message.settled)
    return following
  }

  /** Follows a run until its end: new events, and before them the kept events after `afterSeq`. */
  replay(stream: Stream, { afterSeq, ...audience }: Audience & { afterSeq: number }, listener: EventListener): Following {
    const follower = new Waiter(listener, audience.connectionId)
    const following = this.#begin(follower, audience.signal)
    this.#read(follower, stream, afterSeq)
    if (stream.outcome !== undefined) this.#settle(follower, stream.outcome)
    return following
  }

  /** Tells every event of the session's runs from now on, but for those that its connection follows already. Answers how to stop. */
  subscribe(sessionId: string, { connectionId }: Pick<Audience, 'connectionId'>, listener: EventListener): () => void {
    const subscriber = { listener, connectionId }
    this.#topic(sessionId).subscribers.add(subscriber)
    return () => {
      this.#topics.get(sessionId)?.subscribers.delete(subscriber)
      this.#pruneTopic(sessionId)
    }
  }

  /** The runs of a session that have not ended, oldest first. */
  underWay(sessionId: string): Stream[] {
    return [...(this.#topics.get(sessionId)?.live ?? [])]
  }

  /** The active run of the session, or the one that ended last, while it is kept. */
  newest(sessionId: string): Stream | undefined {
    return this.underWay(sessionId).at(-1) ?? this.#topics.get(sessionId)?.newest
  }

  /** A run that is under way or still kept. */
  find(sessionId: string, runId: string): Stream | undefined {
    const stream = this.#streams.get(runId)
    return stream?.sessionId === sessionId ? stream : undefined
  }

  /** Known runs that a message is part of, in the order in which it joined them. */
  runsOf(sessionId: string, messageId: string): Stream[] {
    const message = this.#messages.get(messageId)
    return message?.sessionId === sessionId ? [...message.joins.keys()] : []
  }

  /** Forgets the ended runs of a removed session. */
  forget(sessionId: string): void {
    for (const stream of this.#streams.values()) if (stream.sessionId === sessionId) this.#kept.drop(stream)
  }

  /** Amounts held in memory. All are 0 when there is no listener and no kept run. */
  get held(): { topics: number; streams: number; messages: number; followers: number; bytes: number } {
    return {
      topics: this.#topics.size,
      streams: this.#streams.size,
      messages: this.#messages.size,
      followers: this.#following.size,
      bytes: this.#kept.bytes
    }
  }

  /** Rejects every wait, and drops events from now on. */
  close(): void {
    this.#closed = true
    for (const follower of this.#following.keys()) this.#settle(follower, CLOSING)
    this.#kept.close()
    this.#topics.clear()
    this.#streams.clear()
    this.#messages.clear()
  }

  #said(stream: Stream, event: RunEvent): void {
    if (this.#closed) return
    this.#kept.grew(stream, stream.log.push(event))
    this.#inOrder(() => this.#tell(event, stream.readersOf(event)))
  }

  #ended(stream: Stream, outcome: RunOutcome): void {
    if (this.#closed) return
    const topic = this.#topic(stream.sessionId)
    topic.live.delete(stream)
    topic.newest = stream
    this.#kept.end(stream)
    this.#inOrder(() => {
      for (const follower of stream.readers.keys()) if (follower.message === undefined) this.#settle(follower, outcome)
    })
  }

  #forgotten(stream: Stream): void {
    this.#streams.delete(stream.runId)
    const topic = this.#topic(stream.sessionId)
    if (topic.newest === stream) topic.newest = undefined
    this.#pruneTopic(stream.sessionId)
    for (const message of stream.messages) {
      message.joins.delete(stream)
      this.#prune(message)
    }
  }

  #topic(sessionId: string): Topic {
    let topic = this.#topics.get(sessionId)
    if (topic === undefined) {
      topic = { subscribers: new Set(), live: new Set(), newest: undefined }
      this.#topics.set(sessionId, topic)
    }
    return topic
  }

  #pruneTopic(sessionId: string): void {
    const topic = this.#topics.get(sessionId)
    if (topic && topic.subscribers.size + topic.live.size === 0 && topic.newest === undefined) this.#topics.delete(sessionId)
  }

  #message(sessionId: string, id: string): Message {
    let message = this.#messages.get(id)
    if (message === undefined) {
      message = { sessionId, id, followers: new Set(), joins: new Map(), settled: undefined }
      this.#messages.set(id, message)
    }
    return message
  }

  #prune({ id, followers, joins }: Message): void {
    if (followers.size + joins.size === 0) this.#messages.delete(id)
  }

  #begin(follower: Waiter, signal: AbortSignal | undefined): Following {
    const stop = (): void => this.#settle(follower, STOPPED)
    const aborted = (): void => this.#settle(follower, abortOutcome(signal?.reason))
    signal?.addEventListener('abort', aborted, { once: true })
    this.#following.set(follower, () => signal?.removeEventListener('abort', aborted))
    if (this.#closed) this.#settle(follower, CLOSING)
    else if (signal?.aborted) aborted()
    return { outcome: follower.outcome, stop }
  }

  /** Replays the events of the stream at once. A listener may publish events itself. */
  #read(follower: Waiter, stream: Stream, afterSeq: number): void {
    let from = afterSeq
    for (let events = stream.log.merged(from); events.length > 0; events = stream.log.merged(from)) {
      for (const event of events) {
        if (!this.#following.has(follower)) return
        from = event.seq
        this.#call(follower.listener, event)
      }
    }
    if (this.#following.has(follower)) listen(follower, stream)
  }

  #settle(follower: Waiter, outcome: RunOutcome): void {
    const unwatch = this.#following.get(follower)
    if (unwatch === undefined) return
    this.#following.delete(follower)
    unwatch()
    for (const stream of follower.streams) stream.readers.delete(follower)
    const { message } = follower
    if (message !== undefined) {
      message.followers.delete(follower)
      this.#prune(message)
    }
    follower.settle(outcome)
  }

  /** Calls followers, then subscribers. Leaves out the subscription of a connection that follows. */
  #tell(told: RunEvent | Notice, followers: Iterable<Waiter>): void {
    const reached = new Set<string | undefined>()
    for (const { listener, connectionId } of followers) {
      reached.add(connectionId)
      this.#call(listener, told)
    }
    for (const { listener, connectionId } of this.#topics.get(told.sessionId)?.subscribers ?? []) {
      if (connectionId === undefined || !reached.has(connectionId)) this.#call(listener, told)
    }
  }

  #call(listener: EventListener, told: RunEvent | Notice): void {
    try {
      listener(told)
    } catch (err) {
      this.#log.error({ err, sessionId: told.sessionId, event: told.event }, 'a bus listener failed')
    }
  }

  #inOrder(act: () => void): void {
    this.#next.push(act)
    if (this.#telling) return
    this.#telling = true
    for (let next = this.#next.shift(); next !== undefined; next = this.#next.shift()) next()
    this.#telling = false
  }
}

/** Outcome of an aborted wait: the reason of the abort if it is an error of the protocol. */
function abortOutcome(reason: unknown): RunOutcome {
  if (!(reason instanceof RpcError)) return STOPPED
  const { kind, message, data } = reason
  return { error: { kind, message, data } }
}

/** Delivers the next events of the stream to the follower. */
function listen(follower: Waiter, stream: Stream): void {
  stream.readers.set(follower, stream.seq)
  follower.streams.add(stream)
}
