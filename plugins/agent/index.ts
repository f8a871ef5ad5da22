import { randomUUID } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import { LaneError } from '../../lanes/errors.ts'
import type { Turn } from '../../lanes/lane.ts'
import type { Caller, Context } from '../../rpc/define.ts'
import { invalidParams, RpcError, toRpcError } from '../../rpc/errors.ts'
import * as methods from '../../rpc/methods/agent.ts'
import { allows } from '../../rpc/registry.ts'
import type { RUN_EVENTS, SendResult } from '../../rpc/schemas/agent.ts'
import { type GatewayInstance, gatewayPlugin } from '../../types.ts'
import type { Attachment, ToolCall } from '../providers/define.ts'
import type { ToolResult } from '../tools/define.ts'
import { checkAttachments } from './attachments.ts'
import { runLoop } from './loop.ts'
import { chatOf, Transcript } from './transcript.ts'

type Emit = Context<typeof RUN_EVENTS>['emit']

export interface Message {
  readonly sessionId: string
  readonly message: string
  readonly attachments: readonly Attachment[]
  readonly caller: Caller
  /** Where the events of the run go. */
  readonly emit: Emit
}

/** Who answers: takes messages, gives each its turn in the session's lane, streams what happens. */
export class Agent {
  readonly #app: GatewayInstance
  /** The last message of each session whose attachments are being looked into. */
  readonly #checking = new Map<string, Promise<void>>()

  constructor(app: GatewayInstance) {
    this.#app = app
  }

  /**
   * Takes one message to the agent and waits for the answer. Events come while it works, `done` or `error` the last.
   * @throws RpcError InvalidRequest, RequestCancelled, AgentBusy (shutting down, or too much waits), InternalError
   */
  async send(message: Message): Promise<Static<typeof SendResult>> {
    if (message.message === '' && message.attachments.length === 0) {
      throw invalidParams([{ path: 'params.message', message: 'is empty, and there is no attachment either' }])
    }
    if (message.attachments.length > 0 || this.#checking.has(message.sessionId)) await this.#check(message)

    const run = new Run(message)
    try {
      const ticket = this.#app.lanes.enqueue(message.sessionId, {
        owner: message.caller.id,
        run: (turn) => this.#answer(run, turn)
      })
      const result = await ticket.settled
      // Not from inside the turn: a cancel that came at the last moment is the only outcome then.
      run.end('done', { content: result.content })
      return result
    } catch (cause) {
      const error = this.#shown(run, cause)
      run.end('error', { code: error.code, message: error.message })
      throw error
    }
  }

  /** Looks into attachments. Later messages of the session wait for it: the lane gets them in the order they came. */
  async #check({ sessionId, attachments }: Message): Promise<void> {
    const previous = this.#checking.get(sessionId)
    const issues = checkAttachments(attachments)
    const checked = Promise.allSettled([previous, issues]).then(() => {
      if (this.#checking.get(sessionId) === checked) this.#checking.delete(sessionId)
    })
    this.#checking.set(sessionId, checked)
    await checked
    if ((await issues).length > 0) throw invalidParams(await issues)
  }

  /**
   * Cancels what waits and runs in a session's lane: the caller's own items, with the scope `operate` everybody's.
   * @throws RpcError SessionNotFound
   */
  async cancel(sessionId: string, caller: Caller): Promise<{ cancelled: boolean }> {
    const { lanes, db } = this.#app
    if (!lanes.has(sessionId) && !(await db.sessions.get(sessionId))) {
      throw new RpcError('SessionNotFound', `There is no session '${sessionId}'`)
    }
    const { queued, running } = lanes.cancel(sessionId, allows(caller, 'operate') ? {} : { owner: caller.id })
    return { cancelled: queued > 0 || running }
  }

  /** One turn: from the stored message to the stored answer. */
  async #answer(run: Run, turn: Turn): Promise<Static<typeof SendResult>> {
    const { db, sessions, providers, tools, config, log } = this.#app
    const { id: runId, message } = run
    const { sessionId, caller } = message
    const transcript = new Transcript(db.messages, { sessionId, runId, now: Date.now })
    turn.signal.addEventListener('abort', () => void transcript.cut(), { once: true })

    await sessions.open(sessionId)
    await db.runs.start({ id: runId, sessionId, principal: caller.id, createdAt: run.createdAt, startedAt: Date.now() })
    const { provider, model } = providers.describe('default')
    try {
      await transcript.user(message.message, message.attachments)
      const history = chatOf(await db.messages.history(sessionId))
      const toolSpecs = tools.specs()
      const { content, usage } = await runLoop({
        history,
        maxSteps: config.agent.maxSteps,
        signal: turn.signal,
        stream: (messages) =>
          providers.stream('default', { system: config.agent.systemPrompt, messages, tools: toolSpecs, signal: turn.signal }),
        runTool: (call) => this.#runTool(call, { sessionId, signal: turn.signal, actor: caller.id }),
        output: {
          text(text) {
            if (!turn.live) return
            transcript.text(text)
            run.emit('content', { text })
          },
          attachment: (file) => turn.live && run.emit('attachment', file),
          toolStart: ({ tool, args, callId }) => turn.live && run.emit('tool_start', { tool, args, callId }),
          toolEnd: ({ tool, callId }, { success, output, error }) =>
            turn.live && run.emit('tool_end', { tool, result: { success, output, error }, callId }),
          said: (said) => transcript.said(said),
          heard: (heard) => transcript.heard(heard)
        }
      })
      turn.signal.throwIfAborted()
      await db.runs.finish({ id: runId, status: 'completed', endedAt: Date.now(), ...usage, provider, model })
      return { sessionId, runId, content, response: content, usage }
    } catch (cause) {
      await transcript.cut()
      const { code, message: errorMessage } = toRpcError(cause)
      const status = turn.signal.aborted ? 'cancelled' : 'failed'
      await db.runs
        .finish({ id: runId, status, endedAt: Date.now(), provider, model, errorCode: code, errorMessage })
        .catch((err) => log.error({ err, runId }, 'a failed run could not be recorded'))
      throw cause
    }
  }

  /** A tool that is unknown, or called with wrong arguments, is an answer to the model, not the end of the run. */
  async #runTool(call: ToolCall, context: { sessionId: string; signal: AbortSignal; actor: string }): Promise<ToolResult> {
    const failed = (error: string): ToolResult => ({ success: false, output: '', error, attachments: [] })
    if (call.invalid !== undefined) return failed(call.invalid)
    try {
      return await this.#app.tools.run(call.tool, call.args, { ...context, log: this.#app.log })
    } catch (cause) {
      if (cause instanceof RpcError) return failed(cause.message)
      throw cause
    }
  }

  /** Whatever ended a run, in words for the one who asked. */
  #shown({ id: runId, message: { sessionId } }: Run, cause: unknown): RpcError {
    if (cause instanceof LaneError) {
      if (cause.abandoned) this.#app.log.warn({ runId, sessionId }, 'a run ignored its abort and was left behind')
      return laneError(cause, this.#app.config.agent.runTimeoutSeconds)
    }
    const error = toRpcError(cause)
    this.#app.log.error({ err: error.cause ?? error, runId, sessionId }, 'a run failed')
    return error
  }
}

function laneError(cause: LaneError, timeoutSeconds: number): RpcError {
  switch (cause.code) {
    case 'cancelled':
      return new RpcError('RequestCancelled', 'Request cancelled by client', { cause })
    case 'timeout':
      return new RpcError('InternalError', `The run took longer than ${timeoutSeconds} seconds and was stopped`, { cause })
    case 'shutdown':
      return new RpcError('AgentBusy', 'The gateway is shutting down', {
        cause,
        data: { queue: { code: 'shutdown', laneId: cause.laneId } }
      })
    case 'full':
      return new RpcError('AgentBusy', 'Too many messages are waiting in this session', { cause })
  }
}

/** One message on its way, and the numbering of its events. */
class Run {
  readonly id = randomUUID()
  readonly createdAt = Date.now()
  readonly message: Message
  #seq = 0
  #ended = false

  constructor(message: Message) {
    this.message = message
  }

  emit<K extends keyof typeof RUN_EVENTS>(event: K, data: Static<(typeof RUN_EVENTS)[K]>): void {
    if (this.#ended) return
    this.message.emit(event, data, { sessionId: this.message.sessionId, runId: this.id, seq: ++this.#seq })
  }

  /** The last event: what an abandoned run says after it is dropped. */
  end<K extends 'done' | 'error'>(event: K, data: Static<(typeof RUN_EVENTS)[K]>): void {
    this.emit(event, data)
    this.#ended = true
  }
}

/** Owns `app.agent`. What was running when the process died is marked before anything else happens. */
export default gatewayPlugin({ name: 'agent', dependencies: ['sessions', 'providers', 'tools', 'lanes'] }, async (app) => {
  const interrupted = await app.db.runs.interruptRunning(Date.now())
  if (interrupted.length > 0) app.log.warn({ runs: interrupted.length }, 'runs were interrupted when the gateway last ended')

  app.decorate('agent', new Agent(app))
  for (const method of Object.values(methods)) app.rpc.method(method)
})
