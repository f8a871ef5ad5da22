import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { RunEvent } from '../../../../rpc/client/index.ts'
import type { ChatTurn, MessagePart, TurnPart } from '../../../../rpc/client/model/index.ts'
import type { HistoryEntry, RunRecord } from '../../../../rpc/client/model/turn.ts'
import { TurnList } from '../../../../rpc/client/model/turn-list.ts'

const sessionId = 'cli:me'
const event = (runId: string, seq: number, name: string, data: object): RunEvent =>
  ({ event: name, data, sessionId, runId, seq }) as RunEvent
const own = (text: string): MessagePart & { key: string } => ({
  kind: 'message',
  text,
  files: [],
  key: `key ${text}`,
  partial: false
})

/** A run as the gateway has it: its messages, the last of which may be steered into it, and the pieces of its answer. */
interface Script {
  /** Messages at its start. The first one may be of this client. */
  readonly messages: number
  readonly own: boolean
  readonly steered: boolean
  readonly pieces: number
  readonly tool: boolean
  readonly end: 'done' | 'error'
}

/** One thing that happens to the client after a step of the gateway. */
type Fate = 'deliver' | 'lose' | 'late' | 'twice' | 'page' | 'older'

const script: fc.Arbitrary<Script> = fc.record({
  messages: fc.integer({ min: 1, max: 3 }),
  own: fc.boolean(),
  steered: fc.boolean(),
  pieces: fc.integer({ min: 1, max: 4 }),
  tool: fc.boolean(),
  end: fc.constantFrom('done', 'done', 'error')
})
const fate: fc.Arbitrary<Fate> = fc.constantFrom(
  'deliver',
  'deliver',
  'deliver',
  'lose',
  'late',
  'late',
  'twice',
  'page',
  'older'
)

/** A gateway with one session, step by step, and a client that sees some of it. */
class Play {
  readonly list = new TurnList()
  readonly rows: HistoryEntry[] = []
  readonly records = new Map<string, RunRecord>()
  /** A page did not reach back to those before: older turns went, and come from the history alone. */
  holes = false
  readonly #limit: number
  /** Events of the run under way, for a client that comes back. */
  #events: RunEvent[] = []
  /** Events on their way: a page may come before them. */
  readonly #late: RunEvent[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  run(script: Script, index: number, fates: Iterator<Fate>): void {
    const runId = `run ${index}`
    const messages = Array.from({ length: script.messages }, (_, at) => `message ${index}.${at}`)
    const mine = script.own ? own(messages[0] ?? '') : undefined
    if (mine) this.list.add(mine, 'sent')
    for (const text of messages) this.#store(runId, 'user', text)
    this.#record(runId, 'running')
    this.#events = []
    let answer = ''
    const say = (name: string, data: object): void => {
      const one = event(runId, this.#events.length + 1, name, data)
      this.#events.push(one)
      this.#happen(one, fates.next().value ?? 'deliver', mine)
    }
    for (let piece = 0; piece < script.pieces; piece++) {
      const text = ` piece ${index}.${piece}`
      answer += text
      say('content', { text })
      if (script.steered && piece === 0) this.#store(runId, 'user', `steered ${index}`)
    }
    if (script.tool) {
      say('tool_start', { tool: 'look', args: {}, callId: runId })
      say('tool_end', { tool: 'look', callId: runId, result: { success: true, output: '', error: null } })
    }
    if (script.end === 'done') this.#store(runId, 'assistant', answer)
    this.#record(runId, script.end === 'done' ? 'completed' : 'failed')
    say(script.end, script.end === 'done' ? { content: answer } : { code: 5, message: 'broken' })
    this.#conclude(runId, mine)
  }

  /** The newest page, as the reader asks for it. */
  page(): void {
    const known = this.list.newestId
    const rows = this.rows.slice(-this.#limit)
    const covers = known === 0 || (rows[0]?.id ?? 0) <= known || rows[0]?.id === 1
    this.holes ||= !covers
    this.list.merge(rows, [...this.records.values()], { covers })
  }

  older(): boolean {
    const rows = this.rows.filter(({ id }) => id < (this.list.oldestId ?? Number.POSITIVE_INFINITY)).slice(-this.#limit)
    if (rows.length > 0) this.list.merge(rows, [...this.records.values()])
    return rows.length > 0
  }

  #store(runId: string, role: 'user' | 'assistant', content: string): void {
    const id = this.rows.length + 1
    this.rows.push({ role, content, id, runId, status: 'complete', createdAt: '' })
  }

  #record(runId: string, status: RunRecord['status']): void {
    const error = status === 'failed' ? { code: 5, message: 'broken' } : null
    this.records.set(runId, { runId, status, error, reason: null, usage: { inputTokens: 1, outputTokens: 1 } } as RunRecord)
  }

  #happen(one: RunEvent, fate: Fate, mine: ReturnType<typeof own> | undefined): void {
    if (fate === 'lose') return
    if (fate === 'late') {
      this.#late.push(one)
      return
    }
    if (fate === 'page') this.page()
    if (fate === 'older') this.older()
    this.#arrive(mine)
    this.#deliver(one, mine)
    if (fate !== 'twice') return
    const before = this.list.view()
    assert.equal(this.list.event(one), 'known')
    assert.equal(this.list.view(), before, 'an event that is known changes nothing')
  }

  #arrive(mine: ReturnType<typeof own> | undefined): void {
    for (const late of this.#late.splice(0)) this.#deliver(late, mine)
  }

  #deliver(one: RunEvent, mine: ReturnType<typeof own> | undefined): void {
    if (mine) this.list.link(mine, one.runId, 1)
    if (this.list.event(one) === 'missing') {
      // The gateway has them, or only the newest.
      const seq = this.list.run(one.runId)?.seq ?? 0
      if (one.seq % 2) this.list.begin(one.runId).skip(one.seq - 1)
      for (const missed of this.#events.slice(seq)) this.list.event(missed)
    }
    const turn = this.list.view().find(({ runId }) => runId === one.runId)
    const pieces = turn ? piecesOf(turn) : []
    assert.deepEqual(pieces, [...new Set(pieces)], 'nothing is said twice')
  }

  /** The outcome came, or the history says what became of a run whose end was not seen. */
  #conclude(runId: string, mine: ReturnType<typeof own> | undefined): void {
    this.#arrive(mine)
    if (mine) this.list.link(mine, runId)
    const turn = this.list.run(runId)
    if (!turn?.open || turn.ended) return
    turn.lose()
    this.list.merge(this.rows.slice(-1), [...this.records.values()], { covers: true })
  }
}

test('in any interleaving each message is in one turn, in order, and nothing is lost', () => {
  fc.assert(
    fc.property(
      fc.array(script, { minLength: 1, maxLength: 6 }),
      fc.array(fate, { maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      (scripts, fates, limit) => {
        const play = new Play(limit)
        const chance = fates.values()
        for (const [index, one] of scripts.entries()) play.run(one, index, chance)
        play.page()
        while (play.older());
        play.list.merge(play.rows, [...play.records.values()])
        const turns = play.list.view()
        assert.deepEqual(
          turns.map(({ runId }) => runId),
          scripts.map((_, index) => `run ${index}`)
        )
        for (const [index, one] of scripts.entries()) check(turns[index]!, one, index, play)
        assert.equal(new Set(turns.map(({ key }) => key)).size, turns.length)
      }
    ),
    { numRuns: 300, seed: 20261201 }
  )
})

function check(turn: ChatTurn, { own, end }: Script, index: number, { rows, holes }: Play): void {
  const asked = turn.parts.filter((part) => part.kind === 'message')
  const stored = rows.filter(({ runId, role }) => runId === turn.runId && role === 'user').map(({ content }) => content)
  const show = JSON.stringify(turn)
  assert.deepEqual(asked.map(({ text }) => text).sort(), [...stored].sort(), show)
  const mine = asked.filter(({ key }) => key === `key message ${index}.0`).length
  if (own && !holes) assert.equal(mine, 1, show)
  assert.equal(turn.state, end === 'error' ? 'failed' : 'done', show)
  if (end === 'error') return
  const whole = [...(rows.findLast(({ runId }) => runId === turn.runId)?.content ?? '').matchAll(/piece \d+\.\d+/g)].map(String)
  assert.deepEqual(piecesOf(turn), whole, show)
}

function piecesOf(turn: ChatTurn): string[] {
  const answer = turn.parts.map((part: TurnPart) => (part.kind === 'text' ? part.text : '')).join(' ')
  return [...answer.matchAll(/piece \d+\.\d+/g)].map(String)
}
