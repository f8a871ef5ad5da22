import type { Clock } from '../../lanes/clock.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { Pairing } from '../pairing/index.ts'

/** Who was told how to be let in is not told again for so long: the gateway is no way to flood somebody. */
const HINT_EVERY_MS = 60 * 60_000
/** Strangers that are remembered; past this whoever was told longest ago is forgotten. */
export const MAX_HINTED = 10_000
/** What may be a code: alone, with spaces or hyphens in it, of letters and digits that codes are made of. */
const CODE = /^[A-HJKMNP-Z2-9](?:[ -]?[A-HJKMNP-Z2-9]){5}$/i

const HINT = 'I do not know you yet. Ask whoever runs this gateway for a pairing code, and send it here by itself.'
const WELCOME = 'You are let in. Write to me whenever you like.'

interface StrangersOptions {
  readonly pairing: Pick<Pairing, 'allowed' | 'redeem'>
  readonly clock: Clock
}

/** The only talk there is with senders who have not been let in: a code lets them in, and anything else is told so, rarely. */
export class Strangers {
  readonly #pairing: StrangersOptions['pairing']
  readonly #clock: Clock
  /** When it was told, by channel and sender; whoever was told longest ago comes first. */
  readonly #hinted = new Map<string, number>()

  constructor({ pairing, clock }: StrangersOptions) {
    this.#pairing = pairing
    this.#clock = clock
  }

  /** How many are remembered. */
  get size(): number {
    return this.#hinted.size
  }

  /** Undefined: no stranger. Otherwise what to answer, which may be nothing. */
  async answer(channel: string, senderId: string, text: string): Promise<{ readonly say?: string } | undefined> {
    if (await this.#pairing.allowed(channel, senderId)) return undefined
    const code = text.trim()
    if (!CODE.test(code)) return this.#hint(channel, senderId)
    try {
      await this.#pairing.redeem({ code, senderId, channel, actor: `${channel}:${senderId}` })
      return { say: WELCOME }
    } catch (cause) {
      if (!(cause instanceof RpcError) || cause.kind === 'InternalError') throw cause
      return cause.kind === 'AgentBusy' ? this.#hint(channel, senderId) : { say: 'That code cannot be used. Ask for a new one.' }
    }
  }

  #hint(channel: string, senderId: string): { readonly say?: string } {
    const now = this.#clock.now()
    const key = JSON.stringify([channel, senderId])
    const before = this.#hinted.get(key)
    if (before !== undefined && now - before < HINT_EVERY_MS) return {}
    this.#hinted.delete(key)
    this.#hinted.set(key, now)
    const [oldest] = this.#hinted.keys()
    if (this.#hinted.size > MAX_HINTED && oldest !== undefined) this.#hinted.delete(oldest)
    return { say: HINT }
  }
}
