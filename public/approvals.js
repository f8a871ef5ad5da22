/** @import { Client } from './client.js' */

/**
 * Confirmation request of a `tool_start`. `callId` goes into the answer, `expiresAt` is in epoch milliseconds of the gateway's clock.
 * @typedef {{ callId: string, expiresAt: number }} Confirm
 */

import { RpcError } from './client.js'

/** Lets a person allow or refuse the tools of one session. */
export class Approvals {
  /** This credential may answer. */
  possible = false

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.sessionId
   * @param {() => number} options.now epoch milliseconds of the gateway's clock
   * @param {(words: string) => void} options.onAsk receives the announcement of a tool that waits for an answer
   */
  constructor(options) {
    this.options = options
  }

  /**
   * Registers this page to confirm tools. The registration lasts for one connection; without one, tools that need confirmation do
   * not run. The events it delivers are ignored, because the followed run carries them too. The gateway rejects a read-only
   * credential; the page then shows the questions without buttons.
   */
  async open() {
    this.possible = await this.#set(true).then(
      () => true,
      (error) => {
        if (error instanceof RpcError) return false
        throw error
      }
    )
  }

  /** Ends the registration: this page no longer shows the session. */
  close() {
    this.#set(false).catch(() => {})
  }

  /**
   * @param {string} callId `confirm.callId`
   * @param {boolean} approve
   */
  async answer(callId, approve) {
    await this.options.client.request('agent.confirmTool', { callId, approve })
  }

  /** @param {boolean} enabled */
  #set(enabled) {
    const { client, sessionId } = this.options
    return client.request('agent.setToolUseCallback', { sessionId, enabled })
  }
}
