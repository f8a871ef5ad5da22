import type { GatewayClient } from '../client.ts'
import { RpcError } from '../index.ts'
import type { PendingConfirmation } from './snapshot.ts'
import type { TurnList } from './turn-list.ts'

export interface ConfirmationsOptions {
  readonly client: GatewayClient
  readonly sessionId: string
  readonly turns: TurnList
}

/** Tool calls of one session that wait for a person. */
export class Confirmations {
  /** This credential may answer. */
  possible = false
  readonly #options: ConfirmationsOptions
  #list: readonly PendingConfirmation[] = []

  constructor(options: ConfirmationsOptions) {
    this.#options = options
  }

  /**
   * Registers this client to confirm tools, for one connection. Without a registration, tools that need confirmation do not run. The events
   * that it brings are ignored, because the runs that are followed have them too. The gateway refuses a read-only credential.
   */
  async open(): Promise<void> {
    this.possible = await this.#set(true).then(
      () => true,
      (error: unknown) => {
        if (error instanceof RpcError) return false
        throw error
      }
    )
  }

  /** Another client answered, or the time was over. */
  closed(callId: string): void {
    for (const turn of this.#options.turns.all) if (turn.open) turn.confirmed(callId)
  }

  close(): void {
    this.possible = false
    if (this.#options.client.state.name === 'connected') this.#set(false).catch(() => {})
  }

  /** Those that wait, oldest first. The same array until it changes. */
  view(): readonly PendingConfirmation[] {
    const known = new Map(this.#list.map((one) => [one.callId, one]))
    const list = this.#options.turns.all
      .filter(({ open }) => open)
      .flatMap(({ key, parts }) =>
        parts.flatMap((part): PendingConfirmation[] => {
          if (part.kind !== 'call' || !part.confirm) return []
          const { callId, expiresAt } = part.confirm
          return [known.get(callId) ?? { callId, expiresAt, turn: key, tool: part.tool, args: part.args }]
        })
      )
    const same = list.length === this.#list.length && list.every((one, index) => one === this.#list[index])
    if (!same) this.#list = list
    return this.#list
  }

  async answer(callId: string, approve: boolean, reason: string | undefined): Promise<void> {
    const { client } = this.#options
    try {
      await client.call('agent.confirmTool', { callId, approve, reason })
    } catch (error) {
      // Refused: it waits no more.
      if (!(error instanceof RpcError) || error.retryable) throw error
      this.closed(callId)
      throw error
    }
    this.closed(callId)
  }

  async #set(enabled: boolean): Promise<void> {
    const { client, sessionId } = this.#options
    await client.call('agent.setToolUseCallback', { sessionId, enabled })
  }
}
