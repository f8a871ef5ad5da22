/** @import { HistoryEntry } from './history.js' */
/** @import { Turn } from './turn.js' */

import { turnsOf } from './history.js'

/** The turns of a conversation in their order, on the screen. */
export class Turns {
  /** @type {Turn[]} */
  all = []
  #list

  /** @param {HTMLElement} list where they go, and nothing else */
  constructor(list) {
    this.#list = list
    list.replaceChildren()
  }

  /** @param {string | undefined} id of a message or a run */
  find(id) {
    return this.all.find((turn) => id !== undefined && (turn.runId === id || turn.messageId === id))
  }

  /**
   * One that was sent, and nothing was heard of it.
   * @param {(message: string) => boolean} is
   */
  unsure(is) {
    return this.all.find(({ unsure, messages: [message] }) => unsure && message !== undefined && is(message))
  }

  /** @param {Turn} turn */
  add(turn) {
    this.all.push(turn)
    this.#list.append(turn.element)
    return turn
  }

  /** @param {Turn} turn */
  remove(turn) {
    this.all = this.all.filter((other) => other !== turn)
    turn.element.remove()
  }

  /**
   * Whether the run of a message is on the screen already: then that is where the message belongs, and from now on its requester is told
   * nothing new.
   * @param {Turn} turn
   * @param {string | undefined} runId
   * @param {number} seq the first event it was told
   */
  joins(turn, runId, seq) {
    if (turn.into) return true
    const other = runId === undefined || turn.runId === runId ? undefined : this.find(runId)
    if (!other || other === turn) return false
    turn.into = other
    other.whole &&= turn.whole
    for (const message of turn.messages) {
      // One that the history brought may have it.
      if (other.followed || !other.messages.includes(message)) other.join(message, seq)
    }
    this.remove(turn)
    return true
  }

  /**
   * Merges what is on the screen with the history. A turn whose end is open, and one that is here as a whole, stays as it is: it knows
   * its error and has its files, the history has neither. What is only here stays after what it came after, or comes last.
   * @param {HistoryEntry[]} history
   */
  restore(history) {
    /** @type {Map<Turn, Turn>} */
    const replaced = new Map()
    const turns = turnsOf(history).map((stored) => {
      const ours = this.find(stored.runId) ?? this.unsure((message) => message === stored.messages[0])
      if (!ours) return stored
      const isOpen = !ours.ended && ours.state !== 'unanswered'
      if (ours.unsure) {
        ours.runId = stored.runId
        ours.whole = false
      }
      if (isOpen && ours.messages.length === 0) {
        for (const message of stored.messages) ours.ask(message)
        ours.whole = stored.messages.length > 0
      }
      if (isOpen || ours.whole) return ours
      stored.messageId = ours.messageId
      if (ours.warning !== '') stored.warn(ours.warning)
      if (ours.ended) stored.enter(ours.state, ours.words)
      replaced.set(ours, stored)
      return stored
    })
    for (const [index, turn] of this.all.entries()) {
      if (turns.includes(turn) || replaced.has(turn)) continue
      const before = this.all[index - 1]
      const place = before ? turns.indexOf(replaced.get(before) ?? before) + 1 : 0
      turns.splice(turn.busy || turn.state === 'waiting' ? turns.length : place, 0, turn)
    }
    this.all = turns
    // Only where it is needed: what is moved loses the focus.
    if (turns.some((turn, index) => turn.element !== this.#list.children[index]))
      this.#list.replaceChildren(...turns.map(({ element }) => element))
  }
}
