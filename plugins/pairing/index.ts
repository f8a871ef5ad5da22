import type { Db, PairedSender } from '../../db/client.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import type { Config } from '../config/index.ts'
import { type GatewayInstance, gatewayPlugin } from '../define.ts'
import { type Code, Codes, MAX_OPEN, MAX_OPEN_IN_ALL } from './codes.ts'
import * as methods from './methods.ts'
import { Tries } from './tries.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Pairing codes and the senders they admitted. */
    pairing: Pairing
  }
}

/** Senders that are let in, on all channels together. */
export const MAX_SENDERS = 10_000

export type Policy = Config['pairing']['default']

export interface Redeem {
  /** As it was typed. */
  readonly code: string
  readonly senderId: string
  /** Where the sender is. Absent: wherever the code is good. */
  readonly channel?: string | undefined
  /** Who says so: a caller, or the channel itself. */
  readonly actor: string
}

interface Surroundings {
  readonly config: Config['pairing']
  readonly store: Db['pairing']
  readonly audit: Pick<GatewayInstance['audit'], 'record'>
  readonly now?: () => number
}

/** Who may talk to the agent over a channel, and how a stranger is let in. */
export class Pairing {
  readonly #config: Surroundings['config']
  readonly #store: Surroundings['store']
  readonly #audit: Surroundings['audit']
  readonly #now: () => number
  readonly #codes: Codes
  readonly #tries: Tries

  constructor({ config, store, audit, now = Date.now }: Surroundings) {
    this.#config = config
    this.#store = store
    this.#audit = audit
    this.#now = now
    this.#codes = new Codes(now)
    this.#tries = new Tries(now)
  }

  /** What holds on a channel. `open`: everybody is heard; `required`: whoever was let in or is listed; `allowlist`: whoever is listed. */
  policy(channel: string): Policy {
    const { default: fallback, channels } = this.#config
    // A channel may be called `constructor`.
    return Object.hasOwn(channels, channel) ? channels[channel]! : fallback
  }

  /** Whether what the sender says may reach the agent. */
  async allowed(channel: string, senderId: string): Promise<boolean> {
    const policy = this.policy(channel)
    if (policy === 'open' || this.#isListed(channel, senderId)) return true
    return policy === 'required' && (await this.#store.has(channel, senderId))
  }

  /** @throws RpcError AgentBusy when too many codes are open, InvalidRequest where no code is of use */
  generate(channel: string, actor: string): Code {
    if (this.policy(channel) === 'allowlist') {
      const text = `${channel} takes no codes: whom it hears stands in pairing.allowlist.${channel}`
      throw new RpcError('InvalidRequest', text)
    }
    const made = this.#codes.make(channel)
    if (made === undefined) throw this.#tooMany(channel)
    this.#audit.record('pairing.generate', actor, { channel })
    return made
  }

  /** The codes that can be used, oldest first. */
  codes(channel?: string): Code[] {
    return this.#codes.list(channel)
  }

  /** Who was let in, the last one first. */
  async senders(query: { channel?: string | undefined; limit: number }): Promise<PairedSender[]> {
    return await this.#store.list(query)
  }

  /**
   * Lets the sender in on the channel of the code. A code that is wrong, used, too old or of another channel: the answer is the same.
   * @throws RpcError InvalidRequest; AgentBusy when the sender was wrong too often
   */
  async redeem({ code: typed, senderId, channel, actor }: Redeem): Promise<PairedSender> {
    const who = { senderId, ...(channel === undefined ? {} : { channel }) }
    const key = JSON.stringify([channel ?? null, senderId])
    const retryAfterMs = this.#tries.blockedFor(key)
    if (retryAfterMs > 0) throw new RpcError('AgentBusy', blockedText(retryAfterMs), { data: { retryAfterMs } })
    const code = this.#codes.take(typed, channel)
    if (code === undefined) {
      // Where no code is open there is nothing to guess, and strangers do not fill the audit log.
      const guess = this.#codes.list(channel).length > 0
      const blocked = this.#tries.wrong(key)
      if (guess) this.#audit.record(blocked ? 'pairing.blocked' : 'pairing.refused', actor, who)
      for (const voided of this.#codes.wrong(channel)) this.#audit.record('pairing.voided', actor, { channel: voided.channel })
      throw invalidParams([{ path: 'params.code', message: 'is not a pairing code that can be used; ask for a new one' }])
    }
    this.#tries.forget(key)
    const sender = { channel: code.channel, senderId, pairedAt: this.#now() }
    if (!(await this.#store.add(sender, MAX_SENDERS))) {
      const text = `${MAX_SENDERS} senders are let in, which is as many as there may be: pairing.revoke one of them first`
      throw new RpcError('InvalidRequest', text)
    }
    this.#audit.record('pairing.redeem', actor, { channel: code.channel, senderId })
    return sender
  }

  /** `false`: it cannot be used anyway. */
  revokeCode(typed: string, actor: string): boolean {
    const code = this.#codes.take(typed)
    if (code !== undefined) this.#audit.record('pairing.revoke', actor, { channel: code.channel })
    return code !== undefined
  }

  /** `false`: nobody of that id was in. */
  async revokeSender(channel: string, senderId: string, actor: string): Promise<boolean> {
    const removed = await this.#store.remove(channel, senderId)
    if (removed) this.#audit.record('pairing.revoke', actor, { channel, senderId })
    return removed
  }

  #isListed(channel: string, senderId: string): boolean {
    const { allowlist } = this.#config
    return Object.hasOwn(allowlist, channel) && allowlist[channel]!.includes(senderId)
  }

  #tooMany(channel: string): RpcError {
    const ofChannel = this.#codes.list(channel)
    const all = ofChannel.length < MAX_OPEN
    const text = all
      ? `${MAX_OPEN_IN_ALL} pairing codes are open, which is as many as there may be`
      : `${MAX_OPEN} pairing codes are open for ${channel}, which is as many as there may be`
    const [oldest] = all ? this.#codes.list() : ofChannel
    const retryAfterMs = oldest!.expiresAt - this.#now()
    return new RpcError('AgentBusy', `${text}: use or pairing.revoke one of them first`, { data: { retryAfterMs } })
  }
}

function blockedText(ms: number): string {
  const minutes = Math.ceil(ms / 60_000)
  return `This sender has given too many wrong codes: try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`
}

/** Owns `app.pairing` and the methods `pairing.*`. */
export default gatewayPlugin({ name: 'pairing', dependencies: ['config', 'db', 'audit', 'rpc'] }, async (app) => {
  const { db, audit } = app
  // Asked for each message: another configuration may be in force by then.
  const config = {
    get default() {
      return app.config.pairing.default
    },
    get channels() {
      return app.config.pairing.channels
    },
    get allowlist() {
      return app.config.pairing.allowlist
    }
  }
  app.decorate('pairing', new Pairing({ config, store: db.pairing, audit }))
  for (const method of Object.values(methods)) app.rpc.method(method)
})
