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

const STOP: Readonly<Record<Exclude<EndReason, 'broken'>, string>> = {
  stop: 'end_turn',
  tool_calls: 'tool_use',
  length: 'max_tokens',
  filter: 'refusal'
}

type Block = 'text' | 'tool_use'

/** The messages of Anthropic, as it and its imitators send them. */
export class MessageEvents implements WireEvents {
  over = false
  failure: WireFailure | undefined
  #started = false
  #ended: EndReason | undefined
  readonly #open = new Map<number, Block | 'ignored'>()
  #called = false
  #texts: WireText[] = []
  readonly #usage: Record<string, number> = {}

  get complete(): boolean {
    return this.#ended !== undefined || this.over
  }

  takeTexts(): WireText[] {
    const texts = this.#texts
    if (texts.length > 0) this.#texts = []
    return texts
  }

  read(data: string, name: string): string {
    let event: unknown
    try {
      event = JSON.parse(data)
    } catch {
      if (!this.complete) this.failure = { body: undefined }
      return ''
    }
    if (!isObject(event)) return ''
    const type = textIn(event.type) ?? name
    if (type === 'error' || errorIn(event.error)) {
      if (!this.complete) this.failure = { status: statusOf(event.error), body: event }
      return ''
    }
    switch (type) {
      case 'message_start':
        if (isObject(event.message)) this.#count(event.message.usage)
        return this.#start()
      case 'content_block_start':
        return this.#start() + this.#begin(countIn(event.index) ?? 0, event.content_block)
      case 'content_block_delta':
        return this.#start() + this.#delta(countIn(event.index) ?? 0, event.delta)
      case 'content_block_stop':
        return this.#stop(countIn(event.index) ?? 0)
      case 'message_delta': {
        this.#count(event.usage)
        const reason = isObject(event.delta) ? textIn(event.delta.stop_reason) : undefined
        if (reason !== undefined) this.#ended = endReasonOf(reason)
        return ''
      }
      case 'message_stop':
        this.over = true
        return ''
      default:
        return ''
    }
  }

  whole({ content, stop_reason, usage }: Json): string {
    if (!Array.isArray(content)) return ''
    this.#count(usage)
    const reason = textIn(stop_reason)
    if (reason !== undefined) this.#ended = endReasonOf(reason)
    this.over = true
    return (
      this.#start() +
      objectsIn(content)
        .map((block, index) => this.#begin(index, block) + this.#stop(index))
        .join('')
    )
  }

  close(): string {
    if (!this.complete) return ''
    const ended = this.#ended ?? 'stop'
    if (ended === 'broken') return ''
    const stop_reason = STOP[ended === 'stop' && this.#called ? 'tool_calls' : ended]
    const blocks = [...this.#open.keys()].map((index) => this.#stop(index)).join('')
    const usage = { input_tokens: 0, output_tokens: 0, ...this.#usage }
    return (
      this.#start() +
      blocks +
      eventOf('message_delta', { delta: { stop_reason, stop_sequence: null }, usage }) +
      eventOf('message_stop', {})
    )
  }

  #start(): string {
    if (this.#started) return ''
    this.#started = true
    return eventOf('message_start', {
      message: { id: 'msg', role: 'assistant', content: [], usage: { input_tokens: 0, ...this.#usage } }
    })
  }

  #begin(index: number, block: unknown): string {
    const stopped = this.#stop(index)
    if (isObject(block) && block.type === 'text') {
      this.#open.set(index, 'text')
      const text = textIn(block.text)
      if (text !== undefined) this.#texts.push({ type: 'text', text })
      return stopped
    }
    if (isObject(block) && block.type === 'thinking') this.#think(block.thinking)
    const call = isObject(block) ? callOf(block, index) : undefined
    this.#open.set(index, call === undefined ? 'ignored' : 'tool_use')
    if (call === undefined) return stopped
    this.#called = true
    return stopped + eventOf('content_block_start', { index, content_block: call })
  }

  #delta(index: number, delta: unknown): string {
    if (!isObject(delta)) return ''
    const block = this.#open.get(index)
    // Some servers begin no block for a text.
    if (delta.type === 'text_delta' && (block === undefined || block === 'text')) {
      const text = textIn(delta.text)
      if (text !== undefined) this.#texts.push({ type: 'text', text })
    }
    if (delta.type === 'thinking_delta') this.#think(delta.thinking)
    if (delta.type !== 'input_json_delta' || typeof delta.partial_json !== 'string' || block !== 'tool_use') return ''
    return eventOf('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: delta.partial_json } })
  }

  #think(thoughts: unknown): void {
    const text = textIn(thoughts)
    if (text !== undefined) this.#texts.push({ type: 'reasoning', text })
  }

  #stop(index: number): string {
    const block = this.#open.get(index)
    this.#open.delete(index)
    return block === 'tool_use' ? eventOf('content_block_stop', { index }) : ''
  }

  #count(usage: unknown): void {
    if (!isObject(usage)) return
    for (const name of ['input_tokens', 'output_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens']) {
      const count = countIn(usage[name])
      if (count !== undefined) this.#usage[name] = count
    }
  }
}

function callOf({ type, id, name, input }: Json, index: number): Json | undefined {
  const tool = textIn(name)
  if (type !== 'tool_use' || tool === undefined) return undefined
  return { type, id: textIn(id) ?? `call_${index}`, name: tool, input: isObject(input) ? input : {} }
}

const STATUS: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529
}

function statusOf(error: unknown): number | undefined {
  return isObject(error) ? STATUS[String(error.type)] : undefined
}

function eventOf(type: string, fields: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}
