import type { Db, PairedSender } from '../../db/client.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { FailureLimiter } from '../../security/failure-limiter.ts'
import type { Config } from '../config/index.ts'
import type { GatewayInstance } from '../define.ts'
import { type Access, type Code, Codes, MAX_OPEN, MAX_OPEN_IN_ALL, VALID_MS } from './codes.ts'
import { PairingRequests } from './requests.ts'

/** Paired senders of all channels together. */
export const MAX_SENDERS = 10_000
/** Wrong codes that block a sender, and the length of both the window they are counted in and the block. */
export const MAX_TRIES = 5
export const BLOCKED_MS = 15 * 60_000
/**
 * Wrong codes on one channel, within the life of a code, after which each sender has one try for that time. A stranger may have many names; a
 * guess finds one of three codes among 31 to the power of 6 with a chance of one to 300 million. Guesses neither void the codes of others
 * nor refuse the people who have them.
 */
export const MAX_CHANNEL_TRIES = 1000

/** `open`: everyone may write. `required`: paired and listed senders. `allowlist`: listed senders. */
export type Policy = Config['pairing']['default']

export interface Redeem {
  /** As it was typed. */
  readonly code: string
  readonly senderId: string
  /** Channel of the sender. Absent: the channel of the code. */
  readonly channel?: string | undefined
  /** Caller, or sender, that the audit log names. */
  readonly actor: string
}

interface PairingOptions {
  readonly config: Config['pairing']
  readonly store: Db['pairing']
  readonly audit: Pick<GatewayInstance['audit'], 'record'>
  readonly now?: () => number
}

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A sender who is not paired has written. Its message did not reach the agent. */
    'pairing.request': { readonly channel: string; readonly senderId: string; readonly senderName: string | null }
  }
}

/** Decides which senders of channels may talk to the agent, and with which access. */
export class Pairing {
  readonly #config: PairingOptions['config']
  readonly #store: PairingOptions['store']
  readonly #audit: PairingOptions['audit']
  readonly #now: () => number
  /** Unknown senders who have written. */
  readonly requests: PairingRequests
  readonly #codes: Codes
  readonly #senderTries: FailureLimiter
  readonly #channelTries: FailureLimiter
  /** Policies of channels that are stricter than `pairing.default: required`. */
  readonly #stricter = new Map<string, Policy>()

  constructor({ config, store, audit, now = Date.now }: PairingOptions) {
    this.#config = config
    this.#store = store
    this.#audit = audit
    this.#now = now
    this.requests = new PairingRequests(now)
    this.#codes = new Codes(now)
    this.#senderTries = new FailureLimiter(now, { failures: MAX_TRIES, windowMs: BLOCKED_MS })
    this.#channelTries = new FailureLimiter(now, { failures: MAX_CHANNEL_TRIES, windowMs: VALID_MS })
  }

  /** Sets the policy of a channel for which the configuration asks no other one: `pairing.default` is not `open`, and it is not in `pairing.channels`. */
  setDefault(channel: string, policy: Policy): void {
    this.#stricter.set(channel, policy)
  }

  policy(channel: string): Policy {
    const { default: fallback, channels } = this.#config
    // A channel may be called `constructor`.
    if (Object.hasOwn(channels, channel)) return channels[channel]!
    return fallback === 'open' ? fallback : (this.#stricter.get(channel) ?? fallback)
  }

  /** Access of a sender. Undefined: its messages must not reach the agent. */
  async access(channel: string, senderId: string): Promise<Access | undefined> {
    const policy = this.policy(channel)
    const mayWrite = policy === 'open' || this.#isListed(channel, senderId)
    if (policy === 'allowlist' && !mayWrite) return undefined
    const paired = await this.#store.get(channel, senderId)
    return paired?.access ?? (mayWrite ? 'guest' : undefined)
  }

  /** `true`: messages of the sender may reach the agent. */
  async allowed(channel: string, senderId: string): Promise<boolean> {
    return (await this.access(channel, senderId)) !== undefined
  }

  /** @throws RpcError AgentBusy when too many codes are open, InvalidRequest where a guest code is of no use */
  generate(channel: string, actor: string, access: Access = 'guest'): Code {
    if (this.policy(channel) === 'allowlist' && access === 'guest') {
      const text = `Channel '${channel}' takes no guest codes: its senders stand in pairing.allowlist.${channel}`
      throw new RpcError('InvalidRequest', text)
    }
    const made = this.#codes.make(channel, access)
    if (made === undefined) throw this.#tooMany(channel)
    this.#audit.record('pairing.generate', actor, { channel, access })
    return made
  }

  /** Open codes, oldest first. */
  codes(channel?: string): Code[] {
    return this.#codes.list(channel)
  }

  /** Paired senders, newest first. */
  async senders(query: { channel?: string | undefined; limit: number }): Promise<PairedSender[]> {
    return await this.#store.list(query)
  }

  /**
   * Pairs the sender on the channel of the code. Wrong, used, expired and foreign codes get the same error.
   * @throws RpcError InvalidRequest; AgentBusy after too many wrong codes
   */
  async redeem({ code: typed, senderId, channel, actor }: Redeem): Promise<PairedSender> {
    const who = { senderId, ...(channel === undefined ? {} : { channel }) }
    const sender = JSON.stringify([channel ?? null, senderId])
    const ofChannel = channel ?? ''
    const crowdedMs = this.#senderTries.has(sender) ? this.#channelTries.lockedFor(ofChannel) : 0
    const retryAfterMs = Math.max(this.#senderTries.lockedFor(sender), crowdedMs)
    if (retryAfterMs > 0) throw new RpcError('AgentBusy', blockedText(retryAfterMs), { data: { retryAfterMs } })
    const code = this.#codes.take(typed, channel)
    if (code === undefined) {
      // Without an open code there is nothing to guess, and strangers do not fill the audit log.
      const guess = this.#codes.list(channel).length > 0
      const blocked = this.#senderTries.fail(sender) === 'locked'
      if (guess) {
        this.#channelTries.fail(ofChannel)
        this.#audit.record(blocked ? 'pairing.blocked' : 'pairing.refused', actor, who)
      }
      throw invalidParams([{ path: 'params.code', message: 'is not an open pairing code; ask for a new one' }])
    }
    this.#senderTries.forget(sender)
    const paired = await this.#pair({ channel: code.channel, senderId, access: code.access })
    this.#audit.record('pairing.redeem', actor, { channel: code.channel, senderId, access: code.access })
    return paired
  }

  /**
   * Pairs a sender without a code: an operator knows who it is.
   * @throws RpcError InvalidRequest where the channel takes senders of a list only, or too many are paired
   */
  async approve(sender: Omit<PairedSender, 'pairedAt'>, actor: string): Promise<PairedSender> {
    const { channel } = sender
    if (this.policy(channel) === 'allowlist' && sender.access === 'guest') {
      throw new RpcError(
        'InvalidRequest',
        `Channel '${channel}' takes no guests: its senders stand in pairing.allowlist.${channel}`
      )
    }
    const paired = await this.#pair(sender)
    this.#audit.record('pairing.approve', actor, { ...sender })
    return paired
  }

  async #pair(sender: Omit<PairedSender, 'pairedAt'>): Promise<PairedSender> {
    const paired: PairedSender = { ...sender, pairedAt: this.#now() }
    if (!(await this.#store.add(paired, MAX_SENDERS))) {
      const text = `${MAX_SENDERS} senders are paired, which is the limit: remove one with pairing.revoke first`
      throw new RpcError('InvalidRequest', text)
    }
    this.requests.remove(sender.channel, sender.senderId)
    return paired
  }

  /** `false`: the code is not open. */
  revokeCode(typed: string, actor: string): boolean {
    const code = this.#codes.take(typed)
    if (code !== undefined) this.#audit.record('pairing.revoke', actor, { channel: code.channel })
    return code !== undefined
  }

  /** `false`: the sender was not paired. */
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
      ? `${MAX_OPEN_IN_ALL} pairing codes are open, which is the limit`
      : `${MAX_OPEN} pairing codes are open for ${channel}, which is the limit`
    const [oldest] = all ? this.#codes.list() : ofChannel
    const retryAfterMs = oldest!.expiresAt - this.#now()
    return new RpcError('AgentBusy', `${text}: use one of them, or remove it with pairing.revoke`, { data: { retryAfterMs } })
  }
}

function blockedText(ms: number): string {
  const minutes = Math.ceil(ms / 60_000)
  return `Too many wrong pairing codes: try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`
}
