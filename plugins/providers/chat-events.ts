import type { EndReason } from './define.ts'
import {
  countIn,
  endReasonOf,
  errorIn,
  isObject,
  type Json,
  objectsIn,
  textIn,
  type WireEvents,
  type WireFailure,
  type WireText
} from './wire-events.ts'

const FINISH: Readonly<Record<Exclude<EndReason, 'broken'>, string>> = {
  stop: 'stop',
  tool_calls: 'tool_calls',
  length: 'length',
  filter: 'content_filter'
}

/** The chat completions of OpenAI, as all the servers send them that speak them. */
export class ChatEvents implements WireEvents {
  over = false
  failure: WireFailure | undefined
  #ended: EndReason | undefined
  #usage: Json | undefined
  #texts: WireText[] = []
  /** Index of each call of a tool, by its id: some servers number none, or all of them alike. */
  readonly #calls = new Map<string, number>()
  #lastCall = -1

  get complete(): boolean {
    return this.#ended !== undefined || this.over
  }

  takeTexts(): WireText[] {
    const texts = this.#texts
    if (texts.length > 0) this.#texts = []
    return texts
  }

  read(data: string, name: string): string {
    if (data.trim() === '[DONE]') {
      this.over = true
      return ''
    }
    let chunk: unknown
    try {
      chunk = JSON.parse(data)
    } catch {
      if (!this.complete) this.failure = { body: undefined }
      return ''
    }
    if (!isObject(chunk)) return ''
    if (errorIn(chunk.error) || name === 'error' || chunk.object === 'error') {
      if (!this.complete) this.failure = { status: statusIn(chunk), body: chunk }
      return ''
    }
    return this.#chunk(chunk)
  }

  whole(body: Json): string {
    const written = this.#chunk(body)
    this.over = objectsIn(body.choices).length > 0
    return written
  }

  close(): string {
    if (!this.complete) return ''
    const ended = this.#ended ?? (this.#calls.size > 0 ? 'tool_calls' : 'stop')
    if (ended === 'broken') return ''
    // A server that calls tools may end with any reason; one that was cut off has not called them.
    const finish = FINISH[ended === 'stop' && this.#calls.size > 0 ? 'tool_calls' : ended]
    return chunkOf({ choices: [{ index: 0, delta: {}, finish_reason: finish }], ...(this.#usage && { usage: this.#usage }) })
  }

  #chunk({ choices, usage }: Json): string {
    if (isObject(usage)) this.#usage = usageOf(usage)
    const choice = objectsIn(choices).find(({ index }) => index === undefined || index === null || index === 0)
    if (choice === undefined) return ''
    const reason = textIn(choice.finish_reason)
    if (reason !== undefined && reason !== 'null') this.#ended = endReasonOf(reason)
    const delta = isObject(choice.delta) ? choice.delta : isObject(choice.message) ? choice.message : choice
    // Servers have three names for it.
    const thoughts = textIn(delta.reasoning_content) ?? textIn(delta.reasoning) ?? textIn(delta.thinking)
    if (thoughts !== undefined) this.#texts.push({ type: 'reasoning', text: thoughts })
    const content = contentIn(delta.content ?? choice.text)
    if (content !== undefined) this.#texts.push({ type: 'text', text: content })
    const refusal = textIn(delta.refusal)
    const calls = objectsIn(delta.tool_calls).flatMap((call) => this.#call(call) ?? [])
    if (refusal === undefined && calls.length === 0) return ''
    const written = { ...(refusal !== undefined && { refusal }), ...(calls.length > 0 && { tool_calls: calls }) }
    return chunkOf({ choices: [{ index: 0, delta: written }] })
  }

  /** One piece of a call. Some servers send arguments as an object, and no index. */
  #call({ index, id, function: called, ...rest }: Json): Json | undefined {
    const { name, arguments: args } = isObject(called) ? called : rest
    const [callId, tool] = [textIn(id), textIn(name)]
    const text = typeof args === 'string' ? args : isObject(args) ? JSON.stringify(args) : undefined
    if (callId === undefined && tool === undefined && text === undefined) return undefined
    const known = callId === undefined ? undefined : this.#calls.get(callId)
    const at = countIn(index) ?? known ?? (tool === undefined ? Math.max(0, this.#lastCall) : this.#lastCall + 1)
    this.#lastCall = Math.max(this.#lastCall, at)
    this.#calls.set(callId ?? `#${at}`, at)
    return { index: at, id: callId, type: 'function', function: { name: tool, arguments: text } }
  }
}

/** A text, or a list of parts of which some are texts. */
function contentIn(content: unknown): string | undefined {
  if (typeof content === 'string') return textIn(content)
  const texts = objectsIn(content).flatMap(({ type, text }) =>
    type === 'text' || type === undefined ? (textIn(text) ?? []) : []
  )
  return texts.length > 0 ? texts.join('') : undefined
}

function usageOf({ prompt_tokens, completion_tokens, prompt_tokens_details }: Json): Json {
  const cached = isObject(prompt_tokens_details) ? countIn(prompt_tokens_details.cached_tokens) : undefined
  return {
    prompt_tokens: countIn(prompt_tokens),
    completion_tokens: countIn(completion_tokens),
    ...(cached !== undefined && { prompt_tokens_details: { cached_tokens: cached } })
  }
}

/** Some servers say in the event what the status of the answer should have been. */
function statusIn({ error, code, status_code }: Json): number | undefined {
  const said = [isObject(error) ? error.code : undefined, isObject(error) ? error.status : undefined, code, status_code]
  return said.map(Number).find((status) => status >= 400 && status <= 599)
}

function chunkOf(chunk: Json): string {
  return `data: ${JSON.stringify(chunk)}\n\n`
}
