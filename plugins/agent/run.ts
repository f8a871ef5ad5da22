import type { Static } from '@sinclair/typebox'
import type { LaneMessage } from '../../lanes/message.ts'
import type { Turn } from '../../lanes/turn.ts'
import type { RUN_EVENTS } from '../../rpc/schemas/agent.ts'
import { errorOf, type RunOutcome } from '../../rpc/schemas/run-events.ts'
import type { Stream } from '../bus/index.ts'
import type { Conversation, Tier } from '../context/index.ts'
import type { GatewayInstance } from '../define.ts'
import type { Payload } from '../lanes/index.ts'
import type { Attachment, ChatMessage } from '../providers/define.ts'
import type { RunRecorder } from '../runs/index.ts'
import { runLoop } from './loop.ts'
import type { Answer } from './outcome.ts'
import { prepareToolCall } from './tool-call.ts'
import { Transcript } from './transcript.ts'

/** Content of a message in the database until a run takes it up. */
export interface MessageContent {
  readonly message: string
  readonly attachments: readonly Attachment[]
  /** `guest`: its sender does not share the operator's memory and tools. Absent: an owner. */
  readonly access?: 'guest'
}

type Message = LaneMessage<Payload>
type Parts = Pick<GatewayInstance, 'bus' | 'db' | 'runs' | 'context' | 'providers' | 'tools' | 'confirmations' | 'config' | 'log'>

/** One turn of the agent: from the messages it is about to its answer. */
export class Run {
  readonly id: string
  readonly sessionId: string
  readonly recorder: RunRecorder
  readonly #app: Parts
  readonly #turn: Turn<Payload>
  readonly #stream: Stream
  readonly #transcript: Transcript
  /** Tells that a message is part of this run from here on. */
  readonly #joined: (message: Message) => void
  /** `guest` from the first message of a guest on: what a guest says must not act with the rights of an owner. */
  #access: 'owner' | 'guest' = 'owner'

  constructor(app: Parts, turn: Turn<Payload>, joined: (message: Message, run: Run) => void) {
    this.id = turn.id
    this.sessionId = turn.laneId
    this.#app = app
    this.#turn = turn
    this.#stream = app.bus.stream(turn.laneId, turn.id)
    this.#transcript = new Transcript(app.db.messages, { sessionId: turn.laneId, runId: turn.id, now: Date.now })
    this.recorder = app.runs.begin(turn.id)
    this.#joined = (message) => {
      app.bus.joined(turn.laneId, turn.id, message.id)
      joined(message, this)
    }
  }

  get access(): 'owner' | 'guest' {
    return this.#access
  }

  /** @throws the signal's reason when the turn is stopped; what the model call throws */
  async answer(): Promise<Answer> {
    const { context, config } = this.#app
    const { signal, messages, dropped } = this.#turn
    const transcript = this.#transcript
    const cut = (): void => void transcript.cut()
    signal.addEventListener('abort', cut, { once: true })
    messages.forEach(this.#joined)
    const asked = ({ text, attachments = [] }: ChatMessage & { role: 'user' }) => transcript.user(text, attachments)
    let complete = false
    let conversation: Conversation | undefined
    // All calls of a run are made with the same models, whatever is configured later.
    const models = this.#app.providers.hold()
    try {
      if (dropped.length > 0) await transcript.user(noteOf(dropped), [])
      for (const message of await this.#read(messages)) await asked(message)
      const opened = await context.open(this.#turn, this.recorder, models, this.#access)
      const { tier } = opened
      conversation = opened.conversation
      if (tier.missing !== undefined) this.#emit('content', { text: missing(tier), transient: true })
      const { content, ...rest } = await runLoop({
        history: conversation.history,
        maxSteps: config.agent.maxSteps,
        maxCallsPerStep: config.limits.toolCallsPerStep,
        maxAnswerBytes: config.limits.answerBytes,
        signal,
        stream: (messages) => opened.conversation.stream(messages),
        ready: (call) => prepareToolCall(this.#app, this.#turn, call, this.#access),
        steered: () => this.#steered(),
        output: {
          text: (text) => {
            if (!this.#turn.live) return
            transcript.text(text)
            this.#emit('content', { text })
          },
          reasoning: (text, step) => {
            if (!this.#turn.live) return
            transcript.reasoning(text)
            this.#app.bus.announce(this.#stream, 'reasoning', { runId: this.id, step, text })
          },
          attachment: (file) => this.#emit('attachment', file),
          toolStart: (start) => {
            this.recorder.toolStarted(start)
            this.#emit('tool_start', start)
          },
          toolEnd: ({ tool, callId }, { success, output, error }) => {
            this.recorder.toolEnded({ success, output, error })
            this.#emit('tool_end', { tool, result: { success, output, error }, callId })
          },
          said: (said, files, usage) => transcript.said(said, files, usage),
          heard: (heard, attachments) => transcript.heard(heard, attachments),
          asked
        }
      })
      signal.throwIfAborted()
      // The answer is complete, whatever becomes of the run now.
      signal.removeEventListener('abort', cut)
      complete = true
      const warning = await conversation.finish()
      if (warning) this.#emit('context_warning', warning)
      return { sessionId: this.sessionId, runId: this.id, content, response: content, ...rest }
    } catch (cause) {
      if (!complete) await transcript.cut(signal.aborted ? undefined : conversation?.refused ? 'refused' : 'failed')
      throw cause
    } finally {
      models.release()
      this.recorder.close()
    }
  }

  /** The last event, once: not from inside the turn, because a cancel that comes at the last moment is the only outcome then. */
  end(settled: RunOutcome): void {
    if (this.#stream.ended) return
    endStream(this.#stream, settled)
  }

  /** Drops events of an abandoned run. */
  #emit<K extends keyof typeof RUN_EVENTS>(event: K, data: Static<(typeof RUN_EVENTS)[K]>): void {
    if (this.#turn.live) this.#stream.emit(event, data)
  }

  async #steered(): Promise<(ChatMessage & { role: 'user' })[]> {
    const messages = await this.#turn.takeSteered()
    if (messages.length === 0) return []
    // Who wants a turn of its own as well is answered by that one.
    for (const message of messages) if (message.policy.mode === 'steer') this.#joined(message)
    return await this.#read(messages)
  }

  async #read(messages: readonly Message[]): Promise<(ChatMessage & { role: 'user' })[]> {
    const bodies = await this.#app.db.queue.bodies(messages.map(({ id }) => id))
    return messages.flatMap(({ id }) => {
      const body = bodies.get(id) as MessageContent | undefined
      // It was cancelled while it was taken up.
      if (body === undefined) return []
      const { message, attachments, access } = body
      if (access === 'guest') this.#access = access
      return [{ role: 'user' as const, text: message, ...(attachments.length > 0 ? { attachments } : {}) }]
    })
  }
}

/** `done` or `error`, and nothing after it. */
export function endStream(stream: Stream, settled: RunOutcome): void {
  if ('result' in settled) stream.emit('done', { content: settled.result.content })
  else {
    const { code, message, data } = errorOf(settled.error)
    stream.emit('error', { code, message, ...(data.queue === undefined ? {} : { queue: data.queue }) })
  }
  stream.end(settled)
}

function missing({ name, missing }: Tier): string {
  return `The model tier '${missing}', which is set for this session, is not configured any more: '${name}' answers.`
}

const DROP_NOTE = '[Too many messages were waiting. '

/** True for the text of a note about dropped messages, which is stored like a message of the user. */
export function isDropNote(text: string): boolean {
  return text.startsWith(DROP_NOTE)
}

/** Note to the model about messages that overflow dropped: they may have been important. */
function noteOf(dropped: readonly Message[]): string {
  const texts = dropped.map(({ payload }) => `- ${payload.kind === 'message' ? payload.preview : ''}`)
  return `${DROP_NOTE}These were dropped and not answered, oldest first, each cut short:\n${texts.join('\n')}]`
}
