import { AsyncLocalStorage } from 'node:async_hooks'
import type { Static } from '@sinclair/typebox'
import { v7 as uuid } from 'uuid'
import type { StoredReply } from '../../db/client.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { LaneMessage, QueueMode } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'
import type { Caller } from '../../rpc/define.ts'
import { invalidParams, sessionNotFound, toRpcError } from '../../rpc/errors.ts'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { ownedBy } from '../../rpc/schemas/queue.ts'
import type { EventListener } from '../../rpc/schemas/run-events.ts'
import { type GatewayInstance, gatewayPlugin } from '../../types.ts'
import type { Audience } from '../bus/bus.ts'
import type { Invocation } from '../commands/index.ts'
import type { Payload } from '../lanes/driver.ts'
import type { TurnHandler } from '../lanes/index.ts'
import type { Attachment } from '../providers/define.ts'
import { checkAttachments } from './attachments.ts'
import * as methods from './methods.ts'
import { type Answer, type End, postsOf, runEndOf, settledOf, spokenOf, stateOf } from './outcome.ts'
import { type Body, endStream, Run } from './run.ts'

/** How much of a message is kept in memory while it waits. */
const PREVIEW = 160
/** Commands that were given with an idempotency key and are remembered. */
const REMEMBERED = 1000
/** What somebody sees first whose message stopped another run. */
const PREEMPTED = 'The run before was stopped for this message.'

type Result = Static<typeof SendResult>

/** A message on its way. Its outcome comes later, and nobody who waits for that holds the message itself. */
interface Begun {
  readonly accepted: Promise<Receipt>
  readonly outcome: Promise<Result>
}

export interface Message {
  readonly sessionId: string
  readonly message: string
  readonly attachments: readonly Attachment[]
  readonly caller: Caller
  /** What happens to it while the agent is busy; what holds for the session where it is left out. */
  readonly queueMode?: QueueMode | undefined
  /** The same key in the same session within 24 hours is the same message. */
  readonly idempotencyKey?: string | undefined
  /** Where its answer goes, beside whoever waits for it: that survives the process. */
  readonly reply?: StoredReply | undefined
  /** Is told what happens, as it happens. */
  readonly listener: EventListener
  /** Who that is, and until when there is anybody. The message goes its way all the same. */
  readonly audience?: Audience
}

/** What is to be said to somebody whose message has ended. */
export interface Spoken {
  readonly sessionId: string
  /** The run that the message was part of; the message itself where it was part of none. */
  readonly runId: string
  /** The id of the caller whose message it was. */
  readonly owner: string
  readonly text: string
}

type Parts = ConstructorParameters<typeof Run>[0] & Pick<GatewayInstance, 'lanes' | 'sessions' | 'commands' | 'audit'>

/** What can be said of a message at once. */
export interface Receipt {
  /** Names the message, and the run that answers it in `sessions.resume`; of a command just a new id. */
  readonly messageId: string
  /** It was sent before, and starts nothing. */
  readonly duplicate: boolean
}

/** Is put around every run, to measure it or to give it an async context: calls `run` once and answers what it answers. */
export type AroundRun = (turn: Turn<Payload>, run: () => Promise<Answer>) => Promise<Answer>

/** Who answers: takes messages, has each stored, and gives it its turn in the session's lane. */
export class Agent implements TurnHandler {
  readonly #app: Parts
  /** The run a message is part of, by its id, until it is settled. */
  readonly #runs = new Map<string, Run>()
  /** What commands answered that may be sent again, by session, caller and idempotency key. */
  readonly #given = new Map<string, Promise<string>>()
  /** The async context of a run that nobody of this process asked for. */
  readonly #outside: <R>(run: () => R) => R = AsyncLocalStorage.snapshot()
  readonly #listeners: ((spoken: Spoken) => void)[] = []
  #around: AroundRun = (_turn, run) => run()

  constructor(app: Parts) {
    this.#app = app
  }

  /** Puts something around every run; what comes last is the outermost. */
  around(outer: AroundRun): void {
    const inner = this.#around
    this.#around = (turn, run) => outer(turn, () => inner(turn, run))
  }

  /**
   * Takes one message to the agent and waits for the answer. Events come while it works, `done` or `error` the last.
   * A command is answered at once.
   * @throws RpcError InvalidRequest; AuthFailed (a command); RequestCancelled; AgentBusy, with what the lane did in `data.queue`; InternalError
   */
  send(message: Message): Promise<Result> {
    return this.#inOrder(message).then(({ outcome }) => outcome)
  }

  /**
   * The same for those who do not wait: resolves as soon as the message is stored.
   * @throws RpcError InvalidRequest; AgentBusy, with what the lane did in `data.queue`; InternalError where it could not be stored
   */
  async accept(message: Message): Promise<Receipt & { readonly outcome: Promise<Result> }> {
    const { accepted, outcome } = await this.#inOrder(message)
    return { ...(await accepted), outcome }
  }

  /**
   * Cancels what waits and runs in a session's lane: the caller's own items, with the scope `operate` everybody's.
   * @throws RpcError SessionNotFound
   */
  cancel(sessionId: string, caller: Caller): Promise<{ cancelled: boolean }> {
    const { lanes, db } = this.#app
    // After what was sent before, which may not have come to its lane yet.
    return lanes.order.run(sessionId, async () => {
      if (!lanes.has(sessionId) && !(await db.sessions.get(sessionId))) {
        throw sessionNotFound(sessionId)
      }
      const { queued, running } = lanes.cancel(sessionId, ownedBy(caller))
      return { cancelled: queued > 0 || running }
    })
  }

  /** Tells `listener` of every message that has ended with something to say, whoever waits for it. It must not throw. */
  onSpoken(listener: (spoken: Spoken) => void): void {
    this.#listeners.push(listener)
  }

  run(turn: Turn<Payload>): Promise<Answer> {
    const { payload } = turn.messages[0]!
    const within = (payload.kind === 'message' && payload.within) || this.#outside
    const answer = () => new Run(this.#app, turn, (message, run) => this.#runs.set(message.id, run)).answer()
    return within(() => this.#around(turn, answer))
  }

  record(ends: readonly (End & { readonly message: LaneMessage<Payload> })[], runId: string | undefined) {
    const settled = ends.map((end) => settledOf(end.message, end, (error) => this.#app.lanes.shown(error)))
    const posts = postsOf(ends.map(({ message }, index) => ({ message, settled: settled[index]! })))
    const model = this.#runs.get(ends[0]!.message.id)?.model
    return {
      ends: ends.map((end, index) => ({
        id: end.message.id,
        state: stateOf(end),
        outcome: settled[index],
        post: posts[index]
      })),
      ...(runId === undefined ? {} : { run: { ...model, ...runEndOf(ends[0]!, settled[0]!), id: runId, endedAt: Date.now() } })
    }
  }

  settled(sessionId: string, message: LaneMessage<Payload>, end: End): void {
    const { bus, log, lanes } = this.#app
    const run = this.#runs.get(message.id)
    this.#runs.delete(message.id)
    const settled = settledOf(message, end, (error) => lanes.shown(error))
    if (run) run.end(settled)
    else {
      bus.joined(sessionId, message.id, message.id)
      endStream(bus.stream(sessionId, message.id), settled)
    }
    bus.settled(sessionId, message.id, settled)
    const text = spokenOf(settled)
    if (text !== '') {
      const spoken = { sessionId, runId: run?.id ?? message.id, owner: message.owner, text }
      for (const listener of this.#listeners) listener(spoken)
    }
    if (!('error' in end)) return
    const ids = { sessionId, messageId: message.id, runId: run?.id }
    const lane = end.error instanceof LaneError ? end.error : undefined
    if (lane?.abandoned) log.warn(ids, 'a run ignored its abort and was left behind')
    const failed = 'error' in settled && settled.error.kind === 'InternalError' && lane?.code !== 'timeout'
    if (failed) log.error({ ...ids, err: (end.error as Error | undefined)?.cause ?? end.error }, 'a run failed')
  }

  async cutOff(
    sessionId: string,
    message: LaneMessage<Payload>,
    { id: runId, body }: { id: string; body: unknown }
  ): Promise<void> {
    const { messages } = this.#app.db
    const { acceptedAt } = message
    const { message: content, attachments } = body as Body
    const newest = await messages.page(sessionId, { limit: 50, bytes: 1024 * 1024 })
    if (!newest.some((it) => it.role === 'user' && it.runId === runId && it.content === content)) {
      await messages.append({
        sessionId,
        runId,
        role: 'user',
        content,
        attachments,
        status: 'interrupted',
        createdAt: acceptedAt
      })
    }
  }

  preempted(sessionId: string, active: readonly LaneMessage<Payload>[], by: LaneMessage<Payload>): void {
    const { bus, audit } = this.#app
    audit.record('queue.preempt', by.owner, { sessionId, messageId: by.id, stopped: active.map(({ id }) => id) })
    bus.joined(sessionId, by.id, by.id)
    bus.stream(sessionId, by.id).emit('content', { text: PREEMPTED, transient: true })
  }

  #inOrder(message: Message): Promise<Begun> {
    return this.#app.lanes.order.run(message.sessionId, () => this.#begin(message))
  }

  async #begin(sent: Message): Promise<Begun> {
    const { sessionId, message, attachments } = sent
    if (message === '' && attachments.length === 0) {
      throw invalidParams([{ path: 'params.message', message: 'is empty, and there is no attachment either' }])
    }
    this.#app.sessions.check(sessionId)
    const issues = await checkAttachments(attachments)
    if (issues.length > 0) throw invalidParams(issues)
    const command = this.#app.commands.find(message)
    if (command) return this.#command(command, sent)
    const policy = await this.#app.lanes.policies.resolve(sessionId, sent.queueMode)
    return this.#enqueue(sent, policy)
  }

  #enqueue(sent: Message, policy: LaneMessage<Payload>['policy']): Begun {
    const { bus, lanes } = this.#app
    const { sessionId, caller, listener, audience = {}, idempotencyKey, attachments, reply } = sent
    // A copy: a slice would keep the whole text alive.
    const preview = Buffer.from(sent.message.slice(0, PREVIEW)).toString()
    const message: LaneMessage<Payload> = {
      // By time: neighbours in the database, which writes them faster for it.
      id: uuid(),
      owner: caller.id,
      priority: 'person',
      policy,
      payload: { kind: 'message', preview, reply, within: AsyncLocalStorage.snapshot() },
      acceptedAt: Date.now()
    }
    const body: Body = { message: sent.message, attachments }
    const following = bus.follow({ ...audience, sessionId, messageId: message.id }, listener)
    const accepted = lanes.accept(sessionId, message, { data: body, idempotencyKey }).then(
      (accepted): Receipt => {
        if ('duplicateOf' in accepted) return { messageId: accepted.duplicateOf, duplicate: true }
        const { position } = accepted
        if (position !== undefined) {
          bus.notify(sessionId, message.id, 'accepted', { messageId: message.id, position, mode: policy.mode, preview })
        }
        return { messageId: message.id, duplicate: false }
      },
      (error) => {
        this.settled(sessionId, message, { error })
        throw lanes.shown(error)
      }
    )
    const outcome = accepted.then(
      ({ messageId, duplicate }) => {
        if (!duplicate) return following.outcome
        following.stop()
        return bus.attend(sessionId, messageId, listener, audience)
      },
      () => following.outcome
    )
    return begun(accepted, outcome)
  }

  /** Told to nobody but its caller, and no part of the conversation. */
  #command(command: Invocation, { sessionId, caller, listener, idempotencyKey, reply }: Message): Begun {
    const given = idempotencyKey === undefined ? undefined : JSON.stringify([sessionId, caller.id, idempotencyKey])
    const known = given === undefined ? undefined : this.#given.get(given)
    const answer = known ?? this.#app.commands.run(command, { caller, sessionId })
    if (given !== undefined) remember(this.#given, given, answer)
    const runId = uuid()
    const { db, log } = this.#app
    // Over a channel nobody sees an error.
    const posted = answer
      .catch((error) => toRpcError(error).message)
      .then((text) => (reply && !known ? db.outbox.add({ ...reply, text }, Date.now()) : undefined))
      .catch((err) => log.error({ err }, 'what a command answered was not posted'))
    const outcome = posted.then(async () => {
      const content = await answer
      listener({ sessionId, runId, seq: 1, event: 'content', data: { text: content } })
      listener({ sessionId, runId, seq: 2, event: 'done', data: { content } })
      return { sessionId, runId, content, response: content, usage: { inputTokens: 0, outputTokens: 0 } }
    })
    return begun(Promise.resolve({ messageId: runId, duplicate: known !== undefined }), outcome)
  }
}

/** Some wait for the one and some for the other; what nobody waits for has nobody to tell that it failed. */
function begun(accepted: Promise<Receipt>, outcome: Promise<Result>): Begun {
  accepted.catch(() => {})
  outcome.catch(() => {})
  return { accepted, outcome }
}

/** As the newest; the oldest one makes room. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest)
}

/** Owns `app.agent`. What the last process left is taken up once every plugin is there. */
export default gatewayPlugin(
  { name: 'agent', dependencies: ['audit', 'bus', 'sessions', 'context', 'tools', 'confirmations', 'lanes', 'commands'] },
  async (app) => {
    const agent = new Agent(app)
    app.decorate('agent', agent)
    const { resume, ...left } = await app.lanes.setHandler(agent)
    if (left.waiting + left.interrupted > 0) app.log.warn(left, 'messages were left when the gateway last ended')
    // Not before it is certain that this gateway serves: runs that a failed start cut off would be lost.
    app.addHook('onListen', async () => resume())
    for (const method of Object.values(methods)) app.rpc.method(method)
  }
)
