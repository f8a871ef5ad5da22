/** @import { Client } from './client.js' */

/**
 * What a `tool_start` says of a tool that waits: `callId` is for the answer, `expiresAt` in epoch milliseconds of the gateway's clock.
 * @typedef {{ callId: string, expiresAt: number }} Confirm
 */

import { RpcError } from './client.js'

/** Lets a person say whether the tools of one session run. */
export class Approvals {
  /** This credential may answer. */
  possible = false

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.sessionId
   * @param {() => number} options.now epoch milliseconds of the gateway's clock
   * @param {(words: string) => void} options.onAsk something waits for an answer, in words
   */
  constructor(options) {
    this.options = options
  }

  /**
   * From now on somebody is there who can be asked: it holds for one connection, and without it tools that have to be confirmed do
   * not run. The events it brings come otherwise as well. Who may only read does without.
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

  /** Nobody looks at this session any more. */
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
