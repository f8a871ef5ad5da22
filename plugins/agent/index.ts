import type { Static } from '@sinclair/typebox'
import { v7 as uuid } from 'uuid'
import { LaneError } from '../../lanes/errors.ts'
import type { LaneMessage, QueueMode } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'
import type { Caller } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import * as methods from '../../rpc/methods/agent.ts'
import type { SendResult } from '../../rpc/schemas/agent.ts'
import { ownedBy } from '../../rpc/schemas/queue.ts'
import { type GatewayInstance, gatewayPlugin } from '../../types.ts'
import type { Audience, Listener } from '../bus/bus.ts'
import type { Payload } from '../lanes/driver.ts'
import type { Answerer } from '../lanes/index.ts'
import type { Attachment } from '../providers/define.ts'
import { checkAttachments } from './attachments.ts'
import { InOrder } from './order.ts'
import { type Answer, type End, runEndOf, settledOf, stateOf } from './outcome.ts'
import { type Body, endStream, Run } from './run.ts'

/** How much of a message is kept in memory while it waits. */
const PREVIEW = 160
/** What somebody sees first whose message stopped another run. */
const PREEMPTED = 'The run before was stopped for this message.'

export interface Message {
  readonly sessionId: string
  readonly message: string
  readonly attachments: readonly Attachment[]
  readonly caller: Caller
  /** What happens to it while the agent is busy; what holds for the session where it is left out. */
  readonly queueMode?: QueueMode | undefined
  /** The same key in the same session within 24 hours is the same message. */
  readonly idempotencyKey?: string | undefined
  /** Is told what happens, as it happens. */
  readonly listener: Listener
  /** Who that is, and until when there is anybody. The message goes its way all the same. */
  readonly audience?: Audience
}

type Parts = ConstructorParameters<typeof Run>[0] & Pick<GatewayInstance, 'lanes' | 'sessions' | 'commands' | 'audit'>

/** Who answers: takes messages, has each stored, and gives it its turn in the session's lane. */
export class Agent implements Answerer {
  readonly #app: Parts
  /** What comes before a lane takes some time, and nobody may be overtaken in it. */
  readonly #order = new InOrder()
  /** The run a message is part of, by its id, until it is settled. */
  readonly #runs = new Map<string, Run>()

  constructor(app: Parts) {
    this.#app = app
  }

  /**
   * Takes one message to the agent and waits for the answer. Events come while it works, `done` or `error` the last.
   * A command is answered at once.
   * @throws RpcError InvalidRequest; AuthFailed (a command); RequestCancelled; AgentBusy, with what the lane did in `data.queue`; InternalError
   */
  async send(message: Message): Promise<Static<typeof SendResult>> {
    const { sessionId, attachments } = message
    if (message.message === '' && attachments.length === 0) {
      throw invalidParams([{ path: 'params.message', message: 'is empty, and there is no attachment either' }])
    }
    const { result } = await this.#order.run(sessionId, async () => {
      this.#app.sessions.check(sessionId)
      const issues = await checkAttachments(attachments)
      if (issues.length > 0) throw invalidParams(issues)
      const command = this.#app.commands.find(message.message)
      if (command) return { result: this.#command(command, message) }
      const policy = await this.#app.lanes.policies.resolve(sessionId, message.queueMode)
      return { result: this.#enqueue(message, policy) }
    })
    return await result
  }

  /**
   * Cancels what waits and runs in a session's lane: the caller's own items, with the scope `operate` everybody's.
   * @throws RpcError SessionNotFound
   */
  cancel(sessionId: string, caller: Caller): Promise<{ cancelled: boolean }> {
    const { lanes, db } = this.#app
    // After what was sent before, which may not have come to its lane yet.
    return this.#order.run(sessionId, async () => {
      if (!lanes.has(sessionId) && !(await db.sessions.get(sessionId))) {
        throw new RpcError('SessionNotFound', `There is no session '${sessionId}'`)
      }
      const { queued, running } = lanes.cancel(sessionId, ownedBy(caller))
      return { cancelled: queued > 0 || running }
    })
  }

  run(turn: Turn<Payload>): Promise<Answer> {
    return new Run(this.#app, turn, (message, run) => this.#runs.set(message.id, run)).answer()
  }

  record(ends: readonly (End & { readonly message: LaneMessage<Payload> })[], runId: string | undefined) {
    const settled = ends.map((end) => settledOf(end.message, end, (error) => this.#app.lanes.shown(error)))
    const model = this.#runs.get(ends[0]!.message.id)?.model
    return {
      ends: ends.map((end, index) => ({ id: end.message.id, state: stateOf(end), outcome: settled[index] })),
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
    if (!('error' in end)) return
    const ids = { sessionId, messageId: message.id, runId: run?.id }
    const lane = end.error instanceof LaneError ? end.error : undefined
    if (lane?.abandoned) log.warn(ids, 'a run ignored its abort and was left behind')
    const failed = 'error' in settled && settled.error.kind === 'InternalError' && lane?.code !== 'timeout'
    if (failed) log.error({ ...ids, err: (end.error as Error).cause ?? end.error }, 'a run failed')
  }

  preempted(sessionId: string, active: readonly LaneMessage<Payload>[], by: LaneMessage<Payload>): void {
    const { bus, audit } = this.#app
    audit.record('queue.preempt', by.owner, { sessionId, messageId: by.id, stopped: active.map(({ id }) => id) })
    bus.joined(sessionId, by.id, by.id)
    bus.stream(sessionId, by.id).emit('content', { text: PREEMPTED, transient: true })
  }

  async #enqueue(sent: Message, policy: LaneMessage<Payload>['policy']): Promise<Static<typeof SendResult>> {
    const { bus, lanes } = this.#app
    const { sessionId, caller, listener, audience = {}, idempotencyKey } = sent
    const preview = sent.message.slice(0, PREVIEW)
    const message: LaneMessage<Payload> = {
      // By time: neighbours in the database, which writes them faster for it.
      id: uuid(),
      owner: caller.id,
      priority: 'person',
      policy,
      payload: { kind: 'message', preview },
      acceptedAt: Date.now()
    }
    const body: Body = { message: sent.message, attachments: sent.attachments }
    const following = bus.follow({ ...audience, sessionId, messageId: message.id }, listener)
    try {
      const accepted = await lanes.accept(sessionId, message, { data: body, idempotencyKey })
      if ('duplicateOf' in accepted) {
        following.stop()
        return await bus.attend(sessionId, accepted.duplicateOf, listener, audience)
      }
      const { position } = accepted
      bus.notify(sessionId, message.id, 'accepted', { messageId: message.id, position, mode: policy.mode, preview })
    } catch (error) {
      this.settled(sessionId, message, { error })
    }
    return await following.outcome
  }

  /** Told to nobody but its caller, and no part of the conversation. */
  async #command(
    command: NonNullable<ReturnType<Parts['commands']['find']>>,
    { sessionId, caller, listener }: Message
  ): Promise<Static<typeof SendResult>> {
    const content = await this.#app.commands.run(command, { caller, sessionId })
    const runId = uuid()
    listener({ sessionId, runId, seq: 1, event: 'content', data: { text: content } })
    listener({ sessionId, runId, seq: 2, event: 'done', data: { content } })
    return { sessionId, runId, content, response: content, usage: { inputTokens: 0, outputTokens: 0 } }
  }
}

/** Owns `app.agent`. What the last process left is taken up once every plugin is there. */
export default gatewayPlugin(
  { name: 'agent', dependencies: ['audit', 'bus', 'sessions', 'providers', 'tools', 'lanes', 'commands'] },
  async (app) => {
    const agent = new Agent(app)
    app.decorate('agent', agent)
    const { resume, ...left } = await app.lanes.answeredBy(agent)
    if (left.waiting + left.interrupted > 0) app.log.warn(left, 'messages were left when the gateway last ended')
    app.addHook('onReady', async () => resume())
    for (const method of Object.values(methods)) app.rpc.method(method)
  }
)
