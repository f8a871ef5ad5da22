import { AsyncLocalStorage } from 'node:async_hooks'
import type { RunEnd } from '../../db/client.ts'
import { LaneError } from '../../lanes/errors.ts'
import type { LaneMessage } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'
import type { RunOutcome } from '../../rpc/schemas/run-events.ts'
import type { GatewayInstance } from '../define.ts'
import type { Payload, TurnHandler } from '../lanes/index.ts'
import { type Answer, outcomeOf, postsOf, replyTextOf, runEndOf, stateOf, type TurnEnd } from './outcome.ts'
import { endStream, type MessageContent, Run } from './run.ts'

/** First event for a message that stopped another run. */
const PREEMPTED = 'The run before was stopped for this message.'

/** Reply to a message that has ended: the answer, or a failure notice. */
export interface Reply {
  readonly sessionId: string
  /** The run that the message was part of; the message itself when it was part of none. */
  readonly runId: string
  /** Id of the caller who sent the message. */
  readonly owner: string
  readonly text: string
}

declare module '../hooks/hooks.ts' {
  interface Operations {
    /** A run of the agent: one turn of a lane, from its first model call to its answer. */
    'agent.run': Operation<Turn<Payload>, Promise<Answer>>
  }
  interface HookEvents {
    /** A message has ended with a reply for its sender. */
    'agent.reply': Reply
    /** A run has answered. `guest`: a guest was among those who asked. */
    'agent.answered': { readonly sessionId: string; readonly runId: string; readonly access: 'owner' | 'guest' }
  }
}

type Parts = ConstructorParameters<typeof Run>[0] & Pick<GatewayInstance, 'hooks' | 'lanes' | 'audit'>

/** Runs the agent's turns, and stores and publishes how their messages end. */
export class AgentTurns implements TurnHandler {
  readonly #app: Parts
  /** The run of each message by message id, until the message is settled. */
  readonly #runs = new Map<string, Run>()
  /** Async context of a run whose requester belongs to an earlier process. */
  readonly #outside: <R>(run: () => R) => R = AsyncLocalStorage.snapshot()

  constructor(app: Parts) {
    this.#app = app
  }

  run(turn: Turn<Payload>): Promise<Answer> {
    const { payload } = turn.messages[0]!
    const within = (payload.kind === 'message' && payload.within) || this.#outside
    const answer = () => new Run(this.#app, turn, (message, run) => this.#runs.set(message.id, run)).answer()
    return within(() => this.#app.hooks.run('agent.run', turn, answer))
  }

  record(ends: readonly (TurnEnd & { readonly message: LaneMessage<Payload> })[], runId: string | undefined) {
    const outcomes = ends.map((end) => this.#outcomeOf(end.message, end))
    const posts = postsOf(ends.map(({ message }, index) => ({ message, outcome: outcomes[index]! })))
    return {
      ends: ends.map((end, index) => ({
        id: end.message.id,
        state: stateOf(end),
        outcome: outcomes[index],
        post: posts[index]
      })),
      ...(runId === undefined ? {} : { run: this.#runEnd(runId, ends[0]!, outcomes[0]!) })
    }
  }

  edited(body: unknown, text: string): MessageContent | undefined {
    const content = body as MessageContent
    return text === '' && content.attachments.length === 0 ? undefined : { ...content, message: text }
  }

  settled(sessionId: string, message: LaneMessage<Payload>, end: TurnEnd): void {
    const { bus, hooks } = this.#app
    const run = this.#runs.get(message.id)
    this.#runs.delete(message.id)
    const outcome = this.#outcomeOf(message, end)
    if (run) run.end(outcome)
    else {
      bus.joined(sessionId, message.id, message.id)
      endStream(bus.stream(sessionId, message.id), outcome)
    }
    bus.settled(sessionId, message.id, outcome)
    const text = replyTextOf(outcome)
    if (text !== '') hooks.emit('agent.reply', { sessionId, runId: run?.id ?? message.id, owner: message.owner, text })
    if (run && 'result' in outcome) hooks.emit('agent.answered', { sessionId, runId: run.id, access: run.access })
    if ('error' in end) {
      const unexpected = 'error' in outcome && outcome.error.kind === 'InternalError'
      this.#log({ sessionId, messageId: message.id, runId: run?.id }, end.error, unexpected)
    }
  }

  async cutOff(
    sessionId: string,
    message: LaneMessage<Payload>,
    { id: runId, body }: { id: string; body: unknown }
  ): Promise<void> {
    const { messages } = this.#app.db
    const { acceptedAt } = message
    const { message: content, attachments } = body as MessageContent
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

  #runEnd(id: string, end: TurnEnd & { readonly message: LaneMessage<Payload> }, outcome: RunOutcome): RunEnd {
    const recorded = this.#runs.get(end.message.id)?.recorder.end()
    return { ...recorded, ...runEndOf(end, outcome), id, endedAt: Date.now() }
  }

  #outcomeOf(message: LaneMessage<Payload>, end: TurnEnd) {
    return outcomeOf(message, end, (error) => this.#app.lanes.toRpcError(error))
  }

  #log(ids: { sessionId: string; messageId: string; runId: string | undefined }, error: unknown, unexpected: boolean): void {
    const { log } = this.#app
    const lane = error instanceof LaneError ? error : undefined
    if (lane?.abandoned) log.warn(ids, 'abandoned a run that ignored its abort signal')
    if (unexpected && lane?.code !== 'timeout')
      log.error({ ...ids, err: (error as Error | undefined)?.cause ?? error }, 'run failed')
  }
}
