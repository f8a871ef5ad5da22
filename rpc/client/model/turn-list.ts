import type { RunEvent } from '../events.ts'
import { byRun } from './history.ts'
import type { ChatTurn, HistoryEntry, MessagePart, RunRecord, TurnError, TurnState } from './turn.ts'
import { isSettled, type Taken, TurnBuilder } from './turn-builder.ts'

/** Turns that are kept. Beyond them the oldest go when a new one comes; they can be loaded again. */
export const MAX_TURNS = 5000
/** Characters of all turns together, likewise. */
export const MAX_CHARACTERS = 64 * 1024 * 1024

export interface Limits {
  readonly turns: number
  readonly characters: number
}

/**
 * The turns of one session in their order: those of the history, runs under way, and messages of this client that are on their way.
 * Knows nothing of connections: it is given messages, events and pages of the history, in any order.
 *
 * Invariants: a run is one turn. Turns that the history has stand in its order; one that it lacks stands behind the turn that it came
 * after; an open one that it lacks yet stands at the end.
 */
export class TurnList {
  /** The oldest turns were dropped since a page was read. */
  trimmed = false
  #turns: TurnBuilder[] = []
  #views: readonly ChatTurn[] = []
  readonly #byRun = new Map<string, TurnBuilder>()
  readonly #bySend = new Map<string, TurnBuilder>()
  readonly #limits: Limits
  #keys = 0
  #loaded = false
  #newestId = 0
  #oldestId: number | undefined

  constructor(limits: Limits = { turns: MAX_TURNS, characters: MAX_CHARACTERS }) {
    this.#limits = limits
  }

  /** Newest message of the history that was read; 0 before. */
  get newestId(): number {
    return this.#newestId
  }

  /** Oldest message of the history that is here: older ones are on the page before it. */
  get oldestId(): number | undefined {
    return this.#oldestId
  }

  /** No older page fits. */
  get full(): boolean {
    return this.#turns.length >= this.#limits.turns || this.#characters >= this.#limits.characters
  }

  get all(): readonly TurnBuilder[] {
    return this.#turns
  }

  /** The newest open turn. */
  get running(): TurnBuilder | undefined {
    return this.#turns.findLast(({ open }) => open)
  }

  /** The turns as immutable objects. The same array until one of them changes. */
  view(): readonly ChatTurn[] {
    const views = this.#turns.map((turn) => turn.view())
    const same = views.length === this.#views.length && views.every((view, index) => view === this.#views[index])
    if (!same) this.#views = views
    return this.#views
  }

  run(runId: string): TurnBuilder | undefined {
    return this.#byRun.get(runId)
  }

  send(key: string): TurnBuilder | undefined {
    return this.#bySend.get(key)
  }

  /** Shows a message of this client that is on its way. */
  add(message: MessagePart & { readonly key: string }, state: TurnState): TurnBuilder {
    const turn = this.#bySend.get(message.key) ?? this.#create(message.key, state)
    if (!turn.sends.has(message.key)) turn.ask(message)
    this.#bySend.set(message.key, turn)
    this.#trim()
    return turn
  }

  /** A run of which nothing was seen yet. */
  begin(runId: string): TurnBuilder {
    const known = this.#byRun.get(runId)
    if (known) return known
    const turn = this.#create(`run:${runId}`, 'sent')
    this.#name(turn, runId)
    this.#trim()
    return turn
  }

  /**
   * The message is part of this run, from its event `seq` on. Where the run is a turn already, the message moves there.
   * @returns the turn of the run
   */
  link(message: MessagePart & { readonly key: string }, runId: string, seq?: number): TurnBuilder {
    const current = this.#bySend.get(message.key)
    const target = this.#byRun.get(runId)
    if (current && (current === target || (current.runId !== undefined && !this.#startsOver(current, target)))) return current
    if (!target) {
      const turn = current ?? this.add(message, 'sent')
      if (turn.runId !== undefined) {
        this.#byRun.delete(turn.runId)
        turn.restart()
        turn.enter('sent')
      }
      this.#name(turn, runId)
      return turn
    }
    if (current) this.#drop(current)
    this.#claim(target, message, seq)
    return target
  }

  /** Removes a message of this client that will not be answered. Returns false when its turn holds more than that. */
  remove(key: string): boolean {
    const turn = this.#bySend.get(key)
    this.#bySend.delete(key)
    if (!turn || turn.runId !== undefined || turn.sends.size > 1) return false
    this.#drop(turn)
    return true
  }

  event(event: RunEvent): Taken {
    const known = this.#byRun.get(event.runId)
    if (known?.settled) return 'known'
    return (known ?? this.begin(event.runId)).take(event)
  }

  /**
   * Merges a page of the history. `covers`: it is the newest page, and reaches back to what was read before; otherwise older turns
   * are dropped, so that the history has no hole.
   */
  merge(
    rows: readonly HistoryEntry[],
    runs: readonly RunRecord[] = [],
    { covers = true }: { readonly covers?: boolean } = {}
  ): void {
    const records = new Map(runs.map((record) => [record.runId, record]))
    const first = rows[0]
    const last = rows.at(-1)
    if (first && !covers) this.#forgetBefore(first.id)
    for (const [runId, entries] of byRun(rows)) {
      const turn = this.#byRun.get(runId) ?? this.#unsure(entries) ?? this.#create(`run:${runId}`, 'unanswered')
      if (turn.runId === undefined) this.#name(turn, runId)
      const record = records.get(runId)
      if (record && record.status !== 'running' && turn.runId === runId && turn.open) {
        // It ended while it was not followed.
        turn.ended = true
        if (record.status === 'completed') turn.lose()
        conclude(turn, entries, record)
      }
      turn.store(entries)
      if (turn.stored && turn.state === 'unanswered') conclude(turn, entries, record)
    }
    if (first) this.#oldestId = Math.min(this.#oldestId ?? first.id, first.id)
    if (last) this.#newestId = Math.max(this.#newestId, last.id)
    this.#arrange()
    this.#loaded = true
  }

  get #characters(): number {
    return this.#turns.reduce((sum, { characters }) => sum + characters, 0)
  }

  #create(key: string, state: TurnState): TurnBuilder {
    const taken = this.#turns.some((turn) => turn.key === key)
    const turn = new TurnBuilder(taken ? `${key}:${++this.#keys}` : key, state)
    this.#turns.push(turn)
    return turn
  }

  #name(turn: TurnBuilder, runId: string): void {
    turn.named(runId)
    this.#byRun.set(runId, turn)
  }

  /** A message whose run was cut off and starts over under another id, as the only one of its turn. */
  #startsOver(current: TurnBuilder, target: TurnBuilder | undefined): boolean {
    return target === undefined && current.sends.size === 1 && current.messages === 1 && !current.ended
  }

  /** Shows a message in the turn of its run, which may have it from the history. */
  #claim(turn: TurnBuilder, message: MessagePart & { readonly key: string }, seq: number | undefined): void {
    const stored = turn.parts.find(
      (part): part is MessagePart =>
        part.kind === 'message' &&
        part.key === undefined &&
        (part.partial ? message.text.startsWith(part.text) : part.text === message.text)
    )
    if (stored) turn.reword(stored, message)
    else turn.ask(message, seq)
    this.#bySend.set(message.key, turn)
  }

  /** A message of this client that the gateway has not confirmed, and the history has. */
  #unsure(rows: readonly HistoryEntry[]): TurnBuilder | undefined {
    const asked = rows.find(({ role }) => role === 'user')
    if (!asked) return undefined
    return this.#turns.find(
      ({ runId, state, sends }) =>
        runId === undefined && state === 'uncertain' && [...sends.values()].some(({ text }) => text === asked.content)
    )
  }

  #drop(turn: TurnBuilder): void {
    this.#turns = this.#turns.filter((other) => other !== turn)
    if (turn.runId !== undefined && this.#byRun.get(turn.runId) === turn) this.#byRun.delete(turn.runId)
    for (const key of turn.sends.keys()) if (this.#bySend.get(key) === turn) this.#bySend.delete(key)
  }

  #arrange(): void {
    const head: TurnBuilder[] = []
    const blocks: { readonly id: number; readonly turns: TurnBuilder[] }[] = []
    const open: TurnBuilder[] = []
    for (const turn of this.#turns) {
      if (turn.firstId !== undefined) blocks.push({ id: turn.firstId, turns: [turn] })
      else if (turn.open) open.push(turn)
      else (blocks.at(-1)?.turns ?? head).push(turn)
    }
    blocks.sort((a, b) => a.id - b.id)
    const stored = blocks.flatMap(({ turns }) => turns)
    // What came before the history was read came after it happened.
    this.#turns = this.#loaded ? [...head, ...stored, ...open] : [...stored, ...head, ...open]
  }

  #forgetBefore(id: number): void {
    const keep = this.#turns.findIndex(({ firstId, open }) => open || (firstId !== undefined && firstId >= id))
    for (const turn of this.#turns.slice(0, keep < 0 ? this.#turns.length : keep)) if (!turn.open) this.#drop(turn)
    this.#oldestId = undefined
  }

  /** Drops the oldest turns where there are too many. */
  #trim(): void {
    let excess = this.#characters - this.#limits.characters
    let count = this.#turns.length - this.#limits.turns
    if (excess <= 0 && count <= 0) return
    for (const turn of [...this.#turns]) {
      if ((excess <= 0 && count <= 0) || turn.open) break
      excess -= turn.characters
      count--
      this.#drop(turn)
    }
    const first = this.#turns.find(({ firstId }) => firstId !== undefined)?.firstId
    this.#oldestId = first ?? this.#newestId + 1
    this.trimmed = true
  }
}

const INTERRUPTED: TurnError = { message: 'The gateway ended while the agent was working', cause: 'shutdown' }

/** Sets the state of a turn that comes from the history. */
function conclude(turn: TurnBuilder, entries: readonly HistoryEntry[], record: RunRecord | undefined): void {
  const end = entries.at(-1)
  if (record && record.status !== 'running') turn.note(record.usage, undefined)
  switch (record?.status) {
    case 'running':
      // Its events are on their way.
      turn.enter('working')
      break
    case 'failed':
      turn.enter('failed', reasonOf(record))
      break
    case 'cancelled':
      turn.enter('stopped', reasonOf(record))
      break
    case 'interrupted':
      turn.enter('unanswered', INTERRUPTED)
      break
    default:
      if (record || (end && isSettled(end))) turn.enter('done')
      else if (end?.status === 'interrupted') turn.enter('unanswered', INTERRUPTED)
  }
}

function reasonOf({ error, reason }: RunRecord): TurnError | undefined {
  if (error) return { code: error.code, message: error.message }
  return reason === null ? undefined : { message: reason }
}
