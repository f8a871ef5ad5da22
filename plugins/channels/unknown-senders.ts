import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../../lanes/clock.ts'
import { RpcError } from '../../rpc/errors.ts'
import { printable } from '../../security/sanitize.ts'
import type { Access, Pairing } from '../pairing/index.ts'
import type { Inbound } from './define.ts'

/** Pause between two hints to one sender or in one conversation: the gateway is no tool to flood people. */
const HINT_EVERY_MS = 60 * 60_000
/** Hints of one channel within that time: senders of mail have any number of names. */
export const MAX_HINTS = 100
/** Senders and conversations remembered. Beyond this the one with the oldest hint is forgotten. */
export const MAX_HINTED = 10_000
/** A text that may be a code: nothing else, with or without spaces and hyphens, of the letters and digits of codes. */
const CODE = /^[A-HJKMNP-Z2-9](?:[ -]?[A-HJKMNP-Z2-9]){5}$/i

const HINT =
  'I do not know you yet. Ask the operator of this gateway for a pairing code, and send the code here as a message of its own.'
/** Answer to a sender who has just been paired. */
export const WELCOME = 'You are paired. Write to me whenever you like.'
const WRONG = 'This code cannot be used. Ask for a new one.'

interface UnknownSendersOptions {
  readonly pairing: Pick<Pairing, 'policy' | 'access' | 'codes' | 'redeem'>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<FastifyBaseLogger, 'info'>
}

interface Said extends Pick<Inbound, 'conversation' | 'senderId' | 'text'> {
  readonly channel: string
}

/** A sender who is heard, with its access, or what to answer to one who is not. */
export type Admission = { readonly access: Access } | { readonly access?: undefined; readonly say?: string }

/**
 * Decides whether a sender is heard, and holds the only talk with those who are not: a code pairs them, and anything else gets a hint, rarely.
 * Where a list names the senders there is no code to ask for, and nothing is answered.
 */
export class UnknownSenders {
  readonly #options: UnknownSendersOptions
  /** Time of the last hint, by sender and by conversation; oldest first. */
  readonly #hinted = new Map<string, number>()
  /** Times of the last hints of each channel, oldest first. */
  readonly #hints = new Map<string, number[]>()

  constructor(options: UnknownSendersOptions) {
    this.#options = options
  }

  /** Senders and conversations remembered. */
  get size(): number {
    return this.#hinted.size
  }

  async admit(said: Said): Promise<Admission> {
    const { pairing, log } = this.#options
    const { channel, senderId } = said
    const access = await pairing.access(channel, senderId)
    const code = said.text.trim()
    // A guest may become an owner. A word that looks like a code is an ordinary message of theirs otherwise.
    if (access !== undefined) {
      const mayRise = access === 'guest' && CODE.test(code) && pairing.codes(channel).some((open) => open.access === 'owner')
      return mayRise && (await this.#redeem(said, code)) === undefined ? { say: WELCOME } : { access }
    }
    if (pairing.policy(channel) === 'allowlist') {
      if (this.#isDue(said)) {
        log.info({ channel, senderId: printable(senderId, 256) }, 'a message was ignored: its sender is not in pairing.allowlist')
      }
      return {}
    }
    if (!CODE.test(code)) return this.#hint(said)
    const refused = await this.#redeem(said, code)
    if (refused === undefined) return { say: WELCOME }
    return refused.kind === 'AgentBusy' ? this.#hint(said) : { say: WRONG }
  }

  /** Undefined: the sender is paired. */
  async #redeem({ channel, senderId }: Said, code: string): Promise<RpcError | undefined> {
    try {
      await this.#options.pairing.redeem({ code, senderId, channel, actor: `${channel}:${senderId}` })
      return undefined
    } catch (cause) {
      if (!(cause instanceof RpcError) || cause.kind === 'InternalError') throw cause
      return cause
    }
  }

  #hint(said: Said): Admission {
    return this.#isDue(said) ? { say: HINT } : {}
  }

  /** `true`: neither the sender nor the conversation, which may be a large group, had a hint lately. */
  #isDue({ channel, conversation, senderId }: Said): boolean {
    const now = this.#options.clock.now()
    const since = now - HINT_EVERY_MS
    const keys = [
      ['sender', channel, senderId],
      ['conversation', channel, conversation]
    ].map((key) => JSON.stringify(key))
    if (keys.some((key) => (this.#hinted.get(key) ?? Number.NEGATIVE_INFINITY) > since)) return false
    const hints = (this.#hints.get(channel) ?? []).filter((at) => at > since)
    if (hints.length >= MAX_HINTS) return false
    this.#hints.set(channel, [...hints, now])
    for (const key of keys) {
      this.#hinted.delete(key)
      this.#hinted.set(key, now)
    }
    for (const [oldest] of this.#hinted) {
      if (this.#hinted.size <= MAX_HINTED) break
      this.#hinted.delete(oldest)
    }
    return true
  }
}
