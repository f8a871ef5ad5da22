import type { StopReason } from '../../rpc/schemas/agent.ts'
import type { Attachment, ChatMessage, ModelPart, ToolCall, Usage } from '../providers/define.ts'
import type { ToolResult } from '../tools/define.ts'
import { notRun, type PreparedToolCall } from './tool-call.ts'

type UserMessage = ChatMessage & { role: 'user' }

/** Surroundings of a loop. Everything it does goes through here. */
export interface LoopOptions {
  /** The conversation so far, the new message last. */
  readonly history: readonly ChatMessage[]
  /** Limit on model calls. */
  readonly maxSteps: number
  /** Tool calls of one answer of the model. Further ones are refused. */
  readonly maxCallsPerStep: number
  /** Bytes of the answer and its thoughts. A model that goes on is stopped, and the answer ends as cut. */
  readonly maxAnswerBytes: number
  readonly signal: AbortSignal
  /** One model call. */
  stream(messages: readonly ChatMessage[]): AsyncIterable<ModelPart>
  /** Prepares one call of a tool, which is announced before it runs. */
  ready(call: ToolCall): Promise<PreparedToolCall>
  /** Takes the messages that were steered into this run. The next model call sees them. */
  steered(): Promise<readonly UserMessage[]>
  readonly output: LoopOutput
}

export interface LoopResult {
  readonly content: string
  readonly usage: Usage
  /** Absent for a complete answer. */
  readonly stopReason?: StopReason
}

/** Receiver of a loop's output, in order. */
export interface LoopOutput {
  text(text: string): void
  /** Thoughts of the model in one step of the run. They are no part of the answer. */
  reasoning(text: string, step: number): void
  attachment(file: Attachment): void
  toolStart(start: PreparedToolCall['start']): void
  toolEnd(start: PreparedToolCall['start'], result: ToolResult): void
  /** A model call ended; its text has been passed to `text` already, and its files to `attachment`. */
  said(message: ChatMessage & { role: 'assistant' }, files: readonly Attachment[], usage: Usage): Promise<void>
  /** A tool answered. */
  heard(message: ChatMessage & { role: 'tool' }, attachments: readonly Attachment[]): Promise<void>
  /** A steered message was taken. */
  asked(message: UserMessage): Promise<void>
}

/** Result of a call that was not made, because a steered message came before it. */
const SKIPPED = 'Not run: the user said something else first.'
/** Between the texts of two steps, so that the answer as a whole reads as it was streamed. */
const STEP_BREAK = '\n\n'

/**
 * One turn of the agent: call the model, run the tools it asks for, call it again with their results, until it asks
 * for none. Every tool call is paired with a result, also when it fails or is not made: a model refuses a conversation
 * with a gap. Steered messages are seen before the next model call, and keep tools from starting.
 *
 * @returns the whole text, exactly as it was streamed, the tokens of all model calls together, and the reason of an incomplete answer
 * @throws the signal's reason when aborted; errors of the model call
 */
export async function runLoop({
  history,
  maxSteps,
  maxCallsPerStep,
  maxAnswerBytes,
  signal,
  stream,
  ready,
  steered,
  output
}: LoopOptions): Promise<LoopResult> {
  const messages = [...history]
  let content = ''
  let usage: Usage = { inputTokens: 0, outputTokens: 0 }
  let files = 0
  let cutSteps = 0
  let room = maxAnswerBytes

  /** The part of a text that still fits. */
  const fitting = (text: string): string => {
    // A character has at most three bytes.
    if (text.length * 3 <= room) {
      room -= Buffer.byteLength(text)
      return text
    }
    const bytes = Buffer.from(text)
    const fits = room >= bytes.length
    const kept = fits ? text : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, room), { stream: true })
    room -= bytes.length
    return kept
  }
  const ended = (reason?: StopReason): LoopResult => {
    const stopReason = reason ?? (content.trim() === '' && files === 0 ? 'empty' : undefined)
    return { content, usage, ...(stopReason && { stopReason }) }
  }
  const attach = (file: Attachment): void => {
    files++
    output.attachment(file)
  }
  const say = (text: string): void => {
    content += text
    output.text(text)
  }

  const hear = async (heard: ChatMessage & { role: 'tool' }, attachments: readonly Attachment[] = []): Promise<void> => {
    messages.push(heard)
    await output.heard(heard, attachments)
  }
  const take = async (news: readonly UserMessage[]): Promise<void> => {
    for (const message of news) {
      messages.push(message)
      await output.asked(message)
    }
  }

  for (let step = 1; step <= maxSteps; step++) {
    await take(await steered())
    const toolCalls: ToolCall[] = []
    const made: Attachment[] = []
    let text = ''
    let cut = false
    let spent: Usage = { inputTokens: 0, outputTokens: 0 }
    for await (const part of stream(messages)) {
      signal.throwIfAborted()
      if (part.type === 'text') {
        const fits = fitting(part.text)
        if (fits !== '' && text === '' && content !== '') say(STEP_BREAK)
        text += fits
        if (fits !== '') say(fits)
      } else if (part.type === 'reasoning') {
        const fits = fitting(part.text)
        if (fits !== '') output.reasoning(fits, step)
      } else if (part.type === 'file') {
        made.push(part.file)
        attach(part.file)
      } else if (part.type === 'tool_call') toolCalls.push(part.call)
      else {
        spent = part.usage
        usage = sum(usage, spent)
        cut = part.reason === 'length'
      }
      if (room < 0) break
    }
    const full = room < 0
    cutSteps = cut ? cutSteps + 1 : 0
    const message: ChatMessage & { role: 'assistant' } = {
      role: 'assistant',
      text,
      ...(toolCalls.length > 0 ? { toolCalls } : {})
    }
    messages.push(message)
    await output.said(message, made, spent)
    if (toolCalls.length === 0) return ended(cut || full ? 'length' : undefined)

    // After the last step no model call would see them.
    const said = async () => (step < maxSteps ? await steered() : [])
    let news: readonly UserMessage[] = []
    for (const [index, call] of toolCalls.entries()) {
      signal.throwIfAborted()
      if (news.length === 0) news = await said()
      const beyond =
        index >= maxCallsPerStep ? `Not run: limits.tool_calls_per_step allows ${maxCallsPerStep} in one answer.` : undefined
      const why = news.length > 0 ? SKIPPED : beyond
      if (why !== undefined) {
        const { callId, tool } = call
        await hear({ role: 'tool', callId, tool, output: why, failed: true })
        continue
      }
      const { start, refusal, run } = await ready(call)
      signal.throwIfAborted()
      output.toolStart(start)
      let result = await refusal?.()
      if (refusal) {
        signal.throwIfAborted()
        // While it waited: an approval that crossed a steered message must not start what that takes back.
        news = await said()
        if (news.length > 0) result ??= notRun(SKIPPED)
      }
      result ??= await run()
      // A tool may have ended without looking at the signal. No event is sent: the call counts as interrupted.
      signal.throwIfAborted()
      output.toolEnd(start, result)
      for (const file of result.attachments) attach(file)
      const text = result.success ? result.output : [result.error, result.output].filter(Boolean).join('\n')
      await hear(
        { role: 'tool', callId: call.callId, tool: call.tool, output: text, failed: !result.success },
        result.attachments
      )
    }
    await take(news)
    // A call that does not fit the limit of an answer would be written again and again.
    if (cutSteps > 1) return ended('length')
  }

  const note = `(Stopped after ${maxSteps} steps without a final answer.)`
  say(content === '' ? note : STEP_BREAK + note)
  await output.said({ role: 'assistant', text: note }, [], { inputTokens: 0, outputTokens: 0 })
  return ended()
}

function sum(one: Usage, other: Usage): Usage {
  return { inputTokens: one.inputTokens + other.inputTokens, outputTokens: one.outputTokens + other.outputTokens }
}
