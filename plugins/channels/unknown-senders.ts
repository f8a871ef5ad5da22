import type { FastifyBaseLogger } from 'fastify'
import type { Clock } from '../../lanes/clock.ts'
import { RpcError } from '../../rpc/errors.ts'
import { printable } from '../../security/sanitize.ts'
import type { Pairing } from '../pairing/index.ts'
import type { Inbound } from './define.ts'

/** Who was told how to be let in, and where that was said, is not told again for so long: the gateway is no way to flood somebody. */
const HINT_EVERY_MS = 60 * 60_000
/** Told in that time on one channel, whoever they are: senders of mail have any number of names. */
export const MAX_HINTS = 100
/** Senders and conversations that are remembered; past this whoever was told longest ago is forgotten. */
export const MAX_HINTED = 10_000
/** What may be a code: alone, with spaces or hyphens in it, of letters and digits that codes are made of. */
const CODE = /^[A-HJKMNP-Z2-9](?:[ -]?[A-HJKMNP-Z2-9]){5}$/i

const HINT = 'I do not know you yet. Ask whoever runs this gateway for a pairing code, and send it here by itself.'
const WELCOME = 'You are let in. Write to me whenever you like.'
const WRONG = 'That code cannot be used. Ask for a new one.'

interface StrangersOptions {
  readonly pairing: Pick<Pairing, 'policy' | 'allowed' | 'redeem'>
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<FastifyBaseLogger, 'info'>
}

/** What is looked at of a message. */
interface Said extends Pick<Inbound, 'conversation' | 'senderId' | 'text'> {
  readonly channel: string
}

/**
 * The only talk there is with senders who have not been let in: a code lets them in, and anything else is told so, rarely. Where a list says
 * who is heard there is no code to ask for, and nothing is said.
 */
export class UnknownSenders {
  readonly #options: StrangersOptions
  /** When it was told, by sender and by conversation; what was told longest ago comes first. */
  readonly #hinted = new Map<string, number>()
  /** When each channel last said so many, oldest first. */
  readonly #hints = new Map<string, number[]>()

  constructor(options: StrangersOptions) {
    this.#options = options
  }

  /** How many are remembered. */
  get size(): number {
    return this.#hinted.size
  }

  /** Undefined: no stranger. Otherwise what to answer, which may be nothing. */
  async answer(said: Said): Promise<{ readonly say?: string } | undefined> {
    const { pairing, log } = this.#options
    const { channel, senderId } = said
    if (await pairing.allowed(channel, senderId)) return undefined
    if (pairing.policy(channel) === 'allowlist') {
      const who = { channel, senderId: printable(senderId, 256) }
      if (this.#isNew(said)) log.info(who, 'somebody who is not in pairing.allowlist was not heard')
      return {}
    }
    const code = said.text.trim()
    if (!CODE.test(code)) return this.#hint(said)
    try {
      await pairing.redeem({ code, senderId, channel, actor: `${channel}:${senderId}` })
      return { say: WELCOME }
    } catch (cause) {
      if (!(cause instanceof RpcError) || cause.kind === 'InternalError') throw cause
      return cause.kind === 'AgentBusy' ? this.#hint(said) : { say: WRONG }
    }
  }

  #hint(said: Said): { readonly say?: string } {
    return this.#isNew(said) ? { say: HINT } : {}
  }

  /** Whether neither the sender nor anybody in the conversation, which may be a large group, was told of late. */
  #isNew({ channel, conversation, senderId }: Said): boolean {
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
