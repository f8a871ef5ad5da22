import { AsyncLocalStorage } from 'node:async_hooks'
import type { Static } from '@sinclair/typebox'
import { v7 as uuid } from 'uuid'
import type { StoredReply } from '../../db/client.ts'
import type { LaneMessage, QueueMode } from '../../lanes/message.ts'
import type { Caller } from '../../rpc/define.ts'
import { invalidParams, toRpcError } from '../../rpc/errors.ts'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { ownedBy, previewOf } from '../../rpc/schemas/queue.ts'
import type { EventListener } from '../../rpc/schemas/run-events.ts'
import type { Audience } from '../bus/index.ts'
import type { Invocation } from '../commands/index.ts'
import type { GatewayInstance } from '../define.ts'
import type { Payload } from '../lanes/index.ts'
import type { Attachment } from '../providers/define.ts'
import { checkAttachments } from './attachments.ts'
import type { MessageContent } from './run.ts'
import type { AgentTurns } from './settle.ts'

/** Remembered answers of commands that had an idempotency key. The oldest is dropped first. */
const MAX_COMMAND_ANSWERS = 1000

type Result = Static<typeof SendResult>

export interface Message {
  readonly sessionId: string
  readonly message: string
  readonly attachments: readonly Attachment[]
  readonly caller: Caller
  /** Records the caller's presence there. A channel records the presence of its senders itself. */
  readonly presence?: 'ws' | 'http' | undefined
  /** Queue mode of this message alone. Default: the mode of the session. */
  readonly queueMode?: QueueMode | undefined
  /** The same key in the same session within 24 hours is the same message. */
  readonly idempotencyKey?: string | undefined
  /** `false`: a text that begins with a slash is an ordinary message. Default: true. */
  readonly commands?: boolean | undefined
  /** Channel conversation that gets the answer as well. It survives the process. */
  readonly reply?: StoredReply | undefined
  /** Called with each event as it happens. */
  readonly listener: EventListener
  /** Identity and lifetime of the listener. The message goes its way without it. */
  readonly audience?: Audience
}

/** Limits and explains a cancel. */
export interface CancelOptions {
  /** Cancels only if this run is active. The id of a message that is part of the run names it too. */
  readonly runId?: string | undefined
  /** Leaves the waiting messages. */
  readonly keepQueue?: boolean | undefined
  /** Part of the error that requesters of cancelled messages get. */
  readonly reason?: string | undefined
}

/** Answer to a message as soon as it is stored. */
export interface Receipt {
  /** Id of the message, and of the run that answers it in `sessions.resume`. For a command: a new id. */
  readonly messageId: string
  /** It was sent before, and starts nothing. */
  readonly duplicate: boolean
}

/** A message on its way. The requester that waits for the outcome does not hold the message itself. */
interface PendingMessage {
  readonly accepted: Promise<Receipt>
  readonly outcome: Promise<Result>
}

type Parts = Pick<GatewayInstance, 'bus' | 'lanes' | 'sessions' | 'commands' | 'presence' | 'db' | 'log'>

/** Entry of the agent: checks a message, stores it, and gives it its turn in the session's lane. Commands are answered at once. */
export class Agent {
  readonly #app: Parts
  readonly #turns: AgentTurns
  /** Answers of commands that may be sent again, by session, caller and idempotency key. */
  readonly #commandAnswers = new Map<string, Promise<string>>()

  constructor(app: Parts, turns: AgentTurns) {
    this.#app = app
    this.#turns = turns
  }

  /**
   * Sends one message to the agent and waits for the answer. Events come while it works, `done` or `error` last.
   * A command is answered at once.
   * @throws RpcError InvalidRequest; AuthFailed (a command); RequestCancelled; AgentBusy, with what the lane did in `data.queue`; InternalError
   */
  send(message: Message): Promise<Result> {
    return this.#inOrder(message).then(({ outcome }) => outcome)
  }

  /**
   * Sends one message and resolves as soon as it is stored.
   * @throws RpcError InvalidRequest; AgentBusy, with what the lane did in `data.queue`; InternalError when it could not be stored
   */
  async accept(message: Message): Promise<Receipt & { readonly outcome: Promise<Result> }> {
    const { accepted, outcome } = await this.#inOrder(message)
    return { ...(await accepted), outcome }
  }

  /**
   * Cancels the waiting messages and the active run of a session: the caller's own, or all with the scope `operate`.
   * @throws RpcError SessionNotFound
   */
  cancel(sessionId: string, caller: Caller, { runId, keepQueue, reason }: CancelOptions = {}): Promise<{ cancelled: boolean }> {
    const { lanes } = this.#app
    // Messages sent before may not have reached their lane yet.
    return lanes.order.run(sessionId, async () => {
      await lanes.queues.assertKnown(sessionId)
      const { queued, running } = lanes.cancel(sessionId, { ...ownedBy(caller), turnId: runId, keepQueue, reason })
      return { cancelled: queued > 0 || running }
    })
  }

  #inOrder(message: Message): Promise<PendingMessage> {
    return this.#app.lanes.order.run(message.sessionId, () => this.#begin(message))
  }

  async #begin(sent: Message): Promise<PendingMessage> {
    const { sessionId, message, attachments, presence, caller } = sent
    if (presence !== undefined) this.#app.presence.seen({ channel: presence, senderId: caller.id })
    if (message === '' && attachments.length === 0) {
      throw invalidParams([{ path: 'params.message', message: 'must not be empty without an attachment' }])
    }
    this.#app.sessions.check(sessionId)
    const issues = await checkAttachments(attachments)
    if (issues.length > 0) throw invalidParams(issues)
    const command = sent.commands === false ? undefined : this.#app.commands.find(message)
    if (command) return this.#command(command, sent)
    const policy = await this.#app.lanes.policies.resolve(sessionId, sent.queueMode)
    return this.#enqueue(sent, policy)
  }

  #enqueue(sent: Message, policy: LaneMessage<Payload>['policy']): PendingMessage {
    const { bus, lanes } = this.#app
    const { sessionId, caller, listener, audience = {}, idempotencyKey, attachments, reply } = sent
    const preview = previewOf(sent.message)
    const message: LaneMessage<Payload> = {
      // Version 7: neighbours in time are neighbours in the database, which writes them faster.
      id: uuid(),
      owner: caller.id,
      priority: 'person',
      policy,
      payload: { kind: 'message', preview, reply, within: AsyncLocalStorage.snapshot() },
      acceptedAt: Date.now()
    }
    const data: MessageContent = { message: sent.message, attachments, ...(caller.access && { access: caller.access }) }
    const following = bus.follow({ ...audience, sessionId, messageId: message.id }, listener)
    const accepted = lanes.accept(sessionId, message, { data, idempotencyKey }).then(
      (accepted): Receipt => {
        if ('duplicateOf' in accepted) return { messageId: accepted.duplicateOf, duplicate: true }
        const { position } = accepted
        if (position !== undefined) {
          bus.notify(sessionId, message.id, 'accepted', { messageId: message.id, position, mode: policy.mode, preview })
        }
        return { messageId: message.id, duplicate: false }
      },
      (error) => {
        this.#turns.settled(sessionId, message, { error })
        throw lanes.toRpcError(error)
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
    return pending(accepted, outcome)
  }

  /** Runs a command. Only its caller sees the answer, which is no part of the conversation. */
  #command(command: Invocation, { sessionId, caller, listener, idempotencyKey, reply }: Message): PendingMessage {
    const key = idempotencyKey === undefined ? undefined : JSON.stringify([sessionId, caller.id, idempotencyKey])
    const known = key === undefined ? undefined : this.#commandAnswers.get(key)
    const answer = known ?? this.#app.commands.run(command, { caller, sessionId })
    if (key !== undefined) remember(this.#commandAnswers, key, answer)
    const runId = uuid()
    const { db, log } = this.#app
    // A channel shows no errors: there the error is the answer.
    const posted = answer
      .catch((error) => toRpcError(error).message)
      .then((text) => (reply && !known ? db.outbox.add({ ...reply, text }, Date.now()) : undefined))
      .catch((err) => log.error({ err }, 'failed to post the answer of a command'))
    const outcome = posted.then(async () => {
      const content = await answer
      listener({ sessionId, runId, seq: 1, event: 'content', data: { text: content } })
      listener({ sessionId, runId, seq: 2, event: 'done', data: { content } })
      return { sessionId, runId, content, response: content, usage: { inputTokens: 0, outputTokens: 0 } }
    })
    return pending(Promise.resolve({ messageId: runId, duplicate: known !== undefined }), outcome)
  }
}

/** A requester awaits one of the two. A rejection of the other must not become an unhandled one. */
function pending(accepted: Promise<Receipt>, outcome: Promise<Result>): PendingMessage {
  accepted.catch(() => {})
  outcome.catch(() => {})
  return { accepted, outcome }
}

/** Adds an entry as the newest, and drops the oldest of too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > MAX_COMMAND_ANSWERS && oldest !== undefined) map.delete(oldest)
}
