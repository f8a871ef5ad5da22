import { randomUUID } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import { LaneError } from '../../lanes/errors.ts'
import type { Turn } from '../../lanes/lane.ts'
import type { Caller, Context } from '../../rpc/define.ts'
import { type Issue, invalidParams, RpcError, toRpcError } from '../../rpc/errors.ts'
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
    const run = new Run(message)
    try {
      const result = await this.#app.lanes.run(message.sessionId, {
        owner: message.caller.id,
        run: (turn) => this.#answer(run, turn)
      })
      // Not from inside the turn: a cancel that came at the last moment is the only outcome then.
      run.end('done', { content: result.content })
      return result
    } catch (cause) {
      const error = toRpcError(cause)
      await this.#failed(run, error)
      // What was refused before it began has no events.
      if (error.kind !== 'InvalidRequest') run.end('error', { code: error.code, message: error.message })
      throw error
    }
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
    const { db, sessions, providers, tools, config } = this.#app
    const { id: runId, message } = run
    const { sessionId, caller } = message
    const transcript = new Transcript(db.messages, { sessionId, runId, now: Date.now })
    turn.signal.addEventListener('abort', () => void transcript.cut(), { once: true })

    const issues = await run.issues
    if (issues.length > 0) throw invalidParams(issues)
    await sessions.open(sessionId)
    await db.runs.start({ id: runId, sessionId, principal: caller.id, createdAt: run.createdAt, startedAt: Date.now() })
    try {
      await transcript.user(message.message, message.attachments)
      const history = chatOf(await db.messages.history(sessionId))
      const toolSpecs = tools.specs()
      const { content, usage } = await runLoop({
        history,
        maxSteps: config.agent.maxSteps,
        signal: turn.signal,
        stream: (messages) =>
          providers.stream(
            'default',
            { system: config.agent.systemPrompt, messages, tools: toolSpecs, signal: turn.signal },
            (model) => {
              run.model = model
            }
          ),
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
      await db.runs.finish({ ...run.model, ...usage, id: runId, status: 'completed', endedAt: Date.now() })
      return { sessionId, runId, content, response: content, usage }
    } catch (cause) {
      await transcript.cut()
      throw cause
    }
  }

  /** Logs and records a run that has no answer. Its requester is told whether or not this can be stored. */
  async #failed({ id, message: { sessionId }, model }: Run, error: RpcError): Promise<void> {
    const { db, log } = this.#app
    const lane = error.cause instanceof LaneError ? error.cause : undefined
    if (lane?.abandoned) log.warn({ runId: id, sessionId }, 'a run ignored its abort and was left behind')
    if (!lane && error.kind === 'InternalError') log.error({ err: error.cause ?? error, runId: id, sessionId }, 'a run failed')
    const status = lane && lane.code !== 'timeout' ? 'cancelled' : 'failed'
    await db.runs
      .finish({ ...model, id, status, endedAt: Date.now(), errorCode: error.code, errorMessage: error.message })
      .catch((err) => log.error({ err, runId: id }, 'the end of a run could not be recorded'))
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
}

/** One message on its way, and the numbering of its events. */
class Run {
  readonly id = randomUUID()
  readonly createdAt = Date.now()
  readonly message: Message
  /** What is wrong with the attachments. Looked into at once, though told in turn: a later message does not overtake it. */
  readonly issues: Promise<Issue[]>
  /** The model asked last: who answered, or who failed. */
  model: { readonly provider: string; readonly model: string } | undefined
  #seq = 0
  #ended = false

  constructor(message: Message) {
    this.message = message
    this.issues = checkAttachments(message.attachments)
    this.issues.catch(() => {})
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
