/** @import { HistoryEntry } from './history.js' */
/** @import { Turn } from './turn.js' */

import { turnsOf } from './history.js'

/** The turns of a conversation in their order, on the screen. */
export class Turns {
  /** @type {Turn[]} */
  all = []
  #list

  /** @param {HTMLElement} list contains only the turns */
  constructor(list) {
    this.#list = list
    list.replaceChildren()
  }

  /** @param {string | undefined} id of a message or a run */
  find(id) {
    return this.all.find((turn) => id !== undefined && (turn.runId === id || turn.messageId === id))
  }

  /**
   * Finds a turn whose message was sent but not confirmed by the gateway.
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
   * Moves a message into the turn that already shows its run. Returns true if such a turn exists: the message's own request then
   * brings nothing new.
   * @param {Turn} turn
   * @param {string | undefined} runId
   * @param {number} seq the first event that the message's request received
   */
  joins(turn, runId, seq) {
    if (turn.into) return true
    const other = runId === undefined || turn.runId === runId ? undefined : this.find(runId)
    if (!other || other === turn) return false
    turn.into = other
    other.whole &&= turn.whole
    for (const message of turn.messages) {
      // A turn from the history may already contain the message.
      if (other.followed || !other.messages.includes(message)) other.join(message, seq)
    }
    this.remove(turn)
    return true
  }

  /**
   * Merges the turns on the screen with the history. An unfinished or complete turn stays as it is: it has its error and its files,
   * which the history lacks. A turn that the history lacks stays behind its predecessor; a busy or waiting one moves to the end.
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
    // Only if the order changed: moving an element loses the focus.
    if (turns.some((turn, index) => turn.element !== this.#list.children[index]))
      this.#list.replaceChildren(...turns.map(({ element }) => element))
  }
}
