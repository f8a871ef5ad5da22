import type { RunEvent } from '../events.ts'
import type { GatewayEvents, RunEvents } from '../methods.ts'
import { partsOf } from './history.ts'
import type { CallPart, ChatTurn, HistoryEntry, MessagePart, TurnError, TurnPart, TurnState } from './turn.ts'
import { isOpen } from './turn.ts'

/** Characters of one turn. Text, files and calls beyond them are left out, and the turn is not complete. */
const MAX_CHARACTERS = 16 * 1024 * 1024
/** Parts of one turn, likewise. */
const MAX_PARTS = 5000

/** `missing`: events before it are missing, so that it was not taken. `known`: it is part of the turn already. */
export type Taken = 'taken' | 'known' | 'missing'

/** One turn while it grows. `view` answers it as an immutable object, which stays the same until the turn changes. */
export class TurnBuilder {
  readonly key: string
  runId: string | undefined
  /** Id of its first message in the history, once that is known. */
  firstId: number | undefined
  /** Newest event of the run that is part of the turn. */
  seq = 0
  /** Its last event was seen. */
  ended = false
  /** Nothing of the turn is missing. */
  complete = true
  /** Length of text, files and calls, roughly. */
  characters = 0
  /** Raw text of the answer so far, to compare with the result. */
  answer = ''
  /** Messages of this client in the turn, by their key. */
  readonly sends = new Map<string, MessagePart>()
  /** Rows of the history, by id. */
  readonly #rows = new Map<number, HistoryEntry>()
  /** Its parts come from the history. */
  #rebuilt = false
  /** Time of its first message, epoch milliseconds. */
  #at = Date.now()
  #state: TurnState
  #error: TurnError | undefined
  #usage: ChatTurn['usage']
  #stopReason: ChatTurn['stopReason']
  #parts: TurnPart[] = []
  /** Part of the newest event: the length of its text, or 0 where it is a part of its own or none. */
  #newestText: number | undefined
  #view: ChatTurn | undefined

  constructor(key: string, state: TurnState) {
    this.key = key
    this.#state = state
  }

  get state(): TurnState {
    return this.#state
  }

  get open(): boolean {
    return isOpen(this.#state)
  }

  /** Number of messages that it answers, as far as they are known. */
  get messages(): number {
    return this.#parts.filter(({ kind }) => kind === 'message').length
  }

  /** Its run has begun, or is known from the history. */
  named(runId: string): void {
    this.runId = runId
    this.#changed()
  }

  get parts(): readonly TurnPart[] {
    return this.#parts
  }

  /** The history has all of it: events of its run bring nothing new. */
  get settled(): boolean {
    return this.#rebuilt && this.complete && !this.open
  }

  /** The turn comes from the history alone. */
  get stored(): boolean {
    return this.#rows.size > 0 && this.seq === 0
  }

  view(): ChatTurn {
    this.#view ??= {
      key: this.key,
      ...(this.runId !== undefined && { runId: this.runId }),
      at: this.#at,
      messageIds: [...this.#rows.keys()].sort((a, b) => a - b),
      state: this.#state,
      parts: [...this.#parts],
      ...(this.#error && { error: this.#error }),
      ...(this.#usage && { usage: this.#usage }),
      ...(this.#stopReason && { stopReason: this.#stopReason }),
      complete: this.complete
    }
    return this.#view
  }

  enter(state: TurnState, error?: TurnError): void {
    if (this.#state === state && this.#error === error) return
    this.#state = state
    this.#error = error
    if (!this.open) {
      this.#trimText()
      this.#parts = this.#parts.map((part) => (isRunning(part) ? { ...answered(part), state: 'unknown' } : part))
    }
    this.#changed()
  }

  /** Records the tokens of the run, and why its answer ended early. */
  note(usage: ChatTurn['usage'], stopReason: ChatTurn['stopReason']): void {
    this.#usage = usage
    this.#stopReason = stopReason
    this.#changed()
  }

  lose(): void {
    if (!this.complete) return
    this.complete = false
    this.#changed()
  }

  /**
   * Adds a message that the run answers, from its event `seq` on. That event may be part of the turn already: more than one request
   * brings it.
   */
  ask(message: MessagePart, seq = Number.POSITIVE_INFINITY): void {
    if (message.key !== undefined) this.sends.set(message.key, message)
    const last = this.#parts.at(-1)
    if (seq === this.seq && this.#newestText !== undefined && last && last.kind !== 'message') {
      const length = this.#newestText
      this.#parts.pop()
      if (length > 0 && last.kind === 'text') {
        const before = last.text.slice(0, -length).trimEnd()
        if (before !== '') this.#parts.push({ kind: 'text', text: before })
        this.#parts.push(message, { kind: 'text', text: last.text.slice(-length) })
      } else this.#parts.push(message, last)
      this.#changed()
    } else this.#add(message, message.text.length + sizeOf(message.files))
  }

  /** Replaces a message: its text was edited, or its beginning alone was known. */
  reword(before: MessagePart, message: MessagePart): void {
    this.#parts = this.#parts.map((part) => (part === before ? message : part))
    if (message.key !== undefined) this.sends.set(message.key, message)
    this.#changed()
  }

  /** Takes one event of the run. The first one sets the state to `working`. */
  take(event: RunEvent): Taken {
    const { seq, fromSeq = seq } = event
    if (seq <= this.seq) return 'known'
    if (fromSeq !== this.seq + 1) return 'missing'
    if (this.seq === 0 && this.#rows.size > 0) this.restart()
    this.seq = seq
    this.#newestText = undefined
    if (this.#state === 'sent' || this.#state === 'uncertain' || this.#state === 'unanswered') this.enter('working')
    this.#apply(event)
    return 'taken'
  }

  /** Adds thoughts of the model. They are no event of the run: a new connection does not repeat them. */
  think({ step, text }: GatewayEvents['reasoning']): void {
    const last = this.#parts.at(-1)
    if (last?.kind !== 'reasoning' || last.step !== step) this.#add({ kind: 'reasoning', step, text }, text.length)
    else if (this.characters + text.length <= MAX_CHARACTERS) {
      this.characters += text.length
      this.#parts[this.#parts.length - 1] = { ...last, text: last.text + text }
      this.#changed()
    }
  }

  /** The events up to `seq` are gone for good. */
  skip(seq: number): void {
    this.seq = Math.max(this.seq, seq)
    this.lose()
  }

  /** Empties the answer before its events come from the beginning. Messages stay. */
  restart(): void {
    this.#parts = this.#parts.filter(({ kind }) => kind === 'message')
    this.#newestText = undefined
    this.seq = 0
    this.answer = ''
    this.ended = false
    this.complete = true
    this.#rebuilt = false
    this.characters = this.#parts.reduce((sum, part) => sum + sizeOfPart(part), 0)
    this.#changed()
  }

  /** Shows the reply of the gateway itself: the message was a command. */
  reply(text: string, begins: boolean): void {
    this.restart()
    // Its events would only repeat the reply.
    this.seq = Number.MAX_SAFE_INTEGER
    this.ended = true
    this.#add({ kind: 'reply', text, begins }, text.length)
    this.enter('done')
  }

  /** The answer is known as a whole, though its last events did not come. Calls and files among them are missing until the history is read. */
  finish(content: string): void {
    if (content.startsWith(this.answer)) this.#write(content.slice(this.answer.length))
    this.enter('done')
  }

  /** Adds rows of the history. They become the content of the turn where its events did not bring all of it. */
  store(rows: readonly HistoryEntry[]): void {
    const known = this.#rows.size
    for (const row of rows) this.#rows.set(row.id, row)
    const stored = [...this.#rows.values()].sort((a, b) => a.id - b.id)
    const [first] = stored
    if (first && this.#rows.size > known) {
      this.firstId = first.id
      this.#at = Date.parse(first.createdAt)
      this.#changed()
    }
    const live = this.open || (this.complete && this.seq > 0 && !this.#rebuilt)
    if (live) this.#nameMessages(stored)
    if (!this.open && (!live || !this.complete)) this.#rebuild(stored)
  }

  /** A turn that was seen as a whole shows its events. Only messages that it lacks come from the history. */
  #nameMessages(rows: readonly HistoryEntry[]): void {
    const asked = partsOf(rows).filter((part) => part.kind === 'message')
    const known = this.#parts.filter((part) => part.kind === 'message')
    for (const message of asked) {
      const index = known.findIndex((part) => sameMessage(part, message))
      const found = index < 0 ? undefined : known.splice(index, 1)[0]
      if (found?.partial) this.reword(found, message)
      else if (!found) this.#insert(message)
    }
  }

  /** Adds it behind the messages at the beginning. The history tells where in the answer one belongs that was steered into the run. */
  #insert(message: MessagePart): void {
    const at = this.#parts.findIndex(({ kind }) => kind !== 'message')
    const streaming = at >= 0 && this.messages > 0
    if (streaming) this.complete = false
    this.#parts.splice(at < 0 ? this.#parts.length : at, 0, message)
    this.#changed()
  }

  #rebuild(rows: readonly HistoryEntry[]): void {
    this.#rebuilt = true
    const warnings = this.#parts.filter(({ kind }) => kind === 'context')
    const own = [...this.sends.values()]
    const parts = partsOf(rows)
    this.#parts = []
    this.characters = 0
    for (const part of parts) {
      const index = part.kind === 'message' ? own.findIndex((message) => sameMessage(message, part as MessagePart)) : -1
      const [mine] = index < 0 ? [] : own.splice(index, 1)
      this.#add(mine ?? part, sizeOfPart(part))
    }
    const answer = this.#parts.findIndex(({ kind }) => kind !== 'message')
    this.#parts.splice(answer < 0 ? this.#parts.length : answer, 0, ...own)
    this.#parts.push(...warnings)
    this.answer = rows.flatMap(({ role, content }) => (role === 'assistant' ? [content] : [])).join('\n\n')
    const last = rows.at(-1)
    this.complete = last !== undefined && isSettled(last)
    this.#changed()
  }

  #apply(event: RunEvent): void {
    switch (event.event) {
      case 'content':
        if (event.data.transient) this.#add({ kind: 'notice', text: event.data.text }, event.data.text.length)
        else this.#write(event.data.text)
        break
      case 'tool_start':
        this.#call(event.data)
        break
      case 'tool_end':
        this.#answered(event.data)
        break
      case 'attachment': {
        const { length } = event.data.data
        this.#add({ kind: 'file', ...event.data, bytes: Math.floor(length * 0.75) }, length)
        break
      }
      case 'context_warning':
        this.#add({ kind: 'context', warning: event.data }, event.data.message.length)
        break
      case 'done':
        this.ended = true
        if (event.data.content !== this.answer) this.complete = false
        this.enter('done')
        break
      case 'error':
        this.ended = true
        this.enter(event.data.code === CANCELLED ? 'stopped' : 'failed', errorOf(event.data))
    }
    this.#changed()
  }

  #write(text: string): void {
    this.answer += text
    const last = this.#parts.at(-1)
    const joined = last?.kind === 'text'
    const fresh = joined ? text : text.trimStart()
    if (fresh === '') return
    if (this.characters + fresh.length > MAX_CHARACTERS) {
      this.complete = false
      return
    }
    if (joined) {
      this.characters += fresh.length
      this.#parts[this.#parts.length - 1] = { kind: 'text', text: last.text + fresh }
    } else this.#add({ kind: 'text', text: fresh }, fresh.length)
    this.#newestText = fresh.length
  }

  #call({ callId, tool, args, confirm }: RunEvents['tool_start']): void {
    const size = JSON.stringify(args).length
    const state = confirm ? 'asking' : 'running'
    this.#add({ kind: 'call', callId, tool, args, state, ...(confirm && { confirm }) }, size)
  }

  #answered({ callId, result }: RunEvents['tool_end']): void {
    const index = this.#parts.findLastIndex((part) => part.kind === 'call' && part.callId === callId)
    if (index < 0) return
    const size = result.output.length
    if (this.characters + size > MAX_CHARACTERS) this.complete = false
    else {
      this.characters += size
      const call = answered(this.#parts[index] as CallPart)
      this.#parts[index] = { ...call, state: result.success ? 'ok' : 'failed', result }
    }
  }

  /** A call that waited for a person was answered. `callId`: that of its confirmation. */
  confirmed(callId: string): void {
    this.#parts = this.#parts.map((part) => (part.kind === 'call' && part.confirm?.callId === callId ? answered(part) : part))
    this.#changed()
  }

  #add(part: TurnPart, size: number): void {
    if (this.#parts.length >= MAX_PARTS || this.characters + size > MAX_CHARACTERS) {
      this.complete = false
      this.#changed()
      return
    }
    this.#trimText()
    this.characters += size
    this.#parts.push(part)
    this.#newestText = 0
    this.#changed()
  }

  /** The blank line between two steps of a run is no part of its text. */
  #trimText(): void {
    const last = this.#parts.at(-1)
    if (last?.kind !== 'text') return
    const text = last.text.trimEnd()
    if (text !== last.text) this.#parts[this.#parts.length - 1] = { kind: 'text', text }
  }

  #changed(): void {
    this.#view = undefined
  }
}

const CANCELLED = 4

/** Error of a run or a message, as a turn shows it. */
export function errorOf({ code, message, queue }: RunEvents['error']): TurnError {
  return { code, message, ...(queue && { cause: queue.code }) }
}

/** The last row of a run is a complete answer. Rows of a failed, stopped or running run look like each other. */
export function isSettled({ role, status, toolCalls }: HistoryEntry): boolean {
  return role === 'assistant' && status === 'complete' && !toolCalls?.length
}

function isRunning(part: TurnPart): part is CallPart {
  return part.kind === 'call' && (part.state === 'running' || part.state === 'asking')
}

/** The call without its confirmation. */
function answered({ confirm: _, ...call }: CallPart): CallPart {
  return call.state === 'asking' ? { ...call, state: 'running' } : call
}

function sameMessage(part: MessagePart, stored: MessagePart): boolean {
  return part.partial ? stored.text.startsWith(part.text) : part.text.trim() === stored.text.trim()
}

function sizeOfPart(part: TurnPart): number {
  if (part.kind === 'message') return part.text.length + sizeOf(part.files)
  if (part.kind === 'text' || part.kind === 'reasoning') return part.text.length
  if (part.kind === 'call') return JSON.stringify(part.args).length + (part.result?.output.length ?? 0)
  return 0
}

function sizeOf(files: readonly { readonly data?: string }[]): number {
  return files.reduce((sum, { data = '' }) => sum + data.length, 0)
}
