import type { GatewayClient } from '../client.ts'
import { RpcError } from '../index.ts'
import type { GatewayMethods } from '../methods.ts'
import type { HistoryEntry, RunRecord } from './turn.ts'
import type { TurnList } from './turn-list.ts'

const SESSION_NOT_FOUND = 1
/** Messages on a page. */
const PAGE = 100
/** Pages that are read back after an outage, to meet what was read before it. */
const MAX_PAGES = 5

type Page = Pick<GatewayMethods['sessions.get']['result'], 'history' | 'runs' | 'older'>

export interface HistoryReaderOptions {
  readonly client: GatewayClient
  readonly sessionId: string
  readonly turns: TurnList
}

/** Reads the history of one session into its turns. */
export class HistoryReader {
  readonly #options: HistoryReaderOptions
  loaded = false
  loading = false
  /** Number of the newest read. Results of earlier ones are ignored. */
  #readings = 0
  #older = false

  constructor(options: HistoryReaderOptions) {
    this.#options = options
  }

  /** There may be older messages than those that are here. */
  get older(): boolean {
    return this.#older || this.#options.turns.trimmed
  }

  /**
   * Reads the newest messages, back to those that were read before.
   * @throws RpcError, Disconnected, TimedOut
   */
  async readNewest(): Promise<void> {
    const { turns } = this.#options
    const reading = ++this.#readings
    const known = turns.newestId
    const rows: HistoryEntry[] = []
    const runs: RunRecord[] = []
    let older = true
    let covers = false
    for (let page = 0; page < MAX_PAGES && !covers && older; page++) {
      const read = await this.#page(rows[0]?.id)
      if (reading !== this.#readings) return
      rows.unshift(...read.history)
      runs.push(...read.runs)
      older = read.older
      covers = known === 0 || (rows[0]?.id ?? 0) <= known
    }
    covers ||= !older
    turns.merge(rows, runs, { covers })
    if (!this.loaded || !covers) this.#older = older
    this.loaded = true
  }

  /**
   * Reads one older page.
   * @throws RpcError, Disconnected, TimedOut
   */
  async readOlder(): Promise<void> {
    const { turns } = this.#options
    if (this.loading || !this.older || turns.full) return
    this.loading = true
    try {
      const { oldestId } = turns
      const { history, runs, older } = await this.#page(oldestId)
      // Turns were dropped: this page is not the one before those that are here.
      if (turns.oldestId !== oldestId) return
      turns.merge(history, runs)
      turns.trimmed = false
      this.#older = older
    } finally {
      this.loading = false
    }
  }

  async #page(before: number | undefined): Promise<Page> {
    const { client, sessionId } = this.#options
    try {
      return await client.call('sessions.get', { sessionId, limit: PAGE, before })
    } catch (error) {
      if (error instanceof RpcError && error.code === SESSION_NOT_FOUND) return { history: [], runs: [], older: false }
      throw error
    }
  }
}
