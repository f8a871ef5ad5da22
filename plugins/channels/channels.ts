import { createHash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Db, NewPost } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import { masked, printable } from '../../security/sanitize.ts'
import { type GatewayInstance, NamedRegistry } from '../define.ts'
import type { Channel, Inbound, Receipt } from './define.ts'
import type { Answer, InboundRequest, InboundRoute } from './inbound.ts'
import type { Outbox } from './outbox.ts'
import type { UnknownSenders } from './unknown-senders.ts'

/** Of a session id, and of a caller's. */
const MAX_ID = 256
const DIGEST = 32
const LIMIT_PER_MESSAGE = 2
const NAME = /^[a-z][a-z0-9_-]{0,31}$/

interface ChannelsOptions {
  readonly agent: Pick<GatewayInstance['agent'], 'accept'>
  readonly presence: Pick<GatewayInstance['presence'], 'seen'>
  readonly db: { readonly outbox: Pick<Db['outbox'], 'add'> }
  readonly strangers: UnknownSenders
  readonly outbox: Pick<Outbox, 'look'>
  readonly hooks: Pick<GatewayInstance['hooks'], 'emit'>
  readonly now: () => number
  readonly log: Pick<FastifyBaseLogger, 'warn'>
}

declare module '../hooks/hooks.ts' {
  interface Operations {
    /** A verified or refused request of a platform. `route` is the URL of its route. */
    'channel.request': Operation<Pick<InboundRequest, 'headers'> & { readonly route: string }, Promise<Answer>>
  }
  interface HookEvents {
    /** A message came in. `failed`: it could not be stored, and has not arrived. */
    'channel.received': { readonly channel: string; readonly outcome: Receipt['state'] | 'failed' }
    /** A request of a platform was answered. `route` is the URL of its route. */
    'channel.answered': { readonly route: string; readonly status: number }
  }
}

/** The channels of the gateway, and the one way in for what comes over them. */
export class Channels {
  /** Where platforms reach the gateway. */
  readonly routes = new Set<Pick<InboundRoute, 'url' | 'missing'>>()
  readonly #channels = new NamedRegistry<Channel>('channel')
  readonly #options: ChannelsOptions

  constructor(options: ChannelsOptions) {
    this.#options = options
  }

  /** Adds a channel. A name that is taken or malformed stops the start. */
  add(channel: Channel): void {
    if (!NAME.test(channel.name))
      throw new Error(`channel '${channel.name}': a name is small letters, digits, _ and -, at most 32`)
    if (channel.limit < LIMIT_PER_MESSAGE) throw new Error(`channel '${channel.name}': its limit is too small for any text`)
    this.#channels.add(channel)
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name)
  }

  list(): Channel[] {
    return this.#channels.list()
  }

  /**
   * Takes a message to the agent. Resolves as soon as it is stored, in well under 50 ms: the platform may then be told that it arrived. The
   * answer goes out by `deliver`, also when this process does not live to see it.
   * @throws RpcError InternalError where it could not be stored, AgentBusy where the gateway is closing: it has not arrived
   */
  async receive(channel: string, inbound: Inbound): Promise<Receipt> {
    let outcome: Receipt['state'] | 'failed' = 'failed'
    try {
      const receipt = await this.#receive(channel, inbound)
      outcome = receipt.state
      return receipt
    } finally {
      this.#options.hooks.emit('channel.received', { channel, outcome })
    }
  }

  async #receive(channel: string, inbound: Inbound): Promise<Receipt> {
    const { agent, presence, strangers, outbox, log } = this.#options
    const { conversation, senderId, senderName, messageId, text, attachments, context, replyTo, listener = () => {} } = inbound
    presence.seen({ channel, senderId, senderName })
    const here = { channel, conversation, ...(context === undefined ? {} : { context }) }
    const stranger = inbound.known ? undefined : await strangers.answer({ channel, conversation, senderId, text })
    if (stranger) {
      if (stranger.say !== undefined) await this.#say({ ...here, text: stranger.say })
      return { state: 'stranger' }
    }
    const sessionId = inbound.sessionId ?? idOf(channel, conversation)
    const reply = replyTo === false ? undefined : (replyTo ?? here)
    // Nobody gets more rights by coming over a channel than it takes to talk: in particular none of the operator's.
    const caller: Caller = { id: idOf(channel, senderId), scopes: new Set(['read', 'write']) }
    try {
      const {
        messageId: id,
        duplicate,
        outcome
      } = await agent.accept({
        sessionId,
        message: text,
        attachments: (await attachments?.()) ?? [],
        caller,
        idempotencyKey: messageId.length > MAX_ID - 1 ? digest(messageId) : messageId,
        reply,
        listener
      })
      const look = (): void => outbox.look()
      return { state: duplicate ? 'duplicate' : 'accepted', sessionId, messageId: id, ended: outcome.then(look, look) }
    } catch (cause) {
      if (cause instanceof RpcError && cause.kind === 'InvalidRequest') {
        // Refused as often as it comes: a platform that tried again would get no further, and hold up what follows.
        if (replyTo === undefined) await this.#say({ ...here, text: `This message cannot be taken: ${cause.message}` })
        return { state: 'refused', reason: cause.message }
      }
      if (!(cause instanceof RpcError) || cause.kind !== 'AgentBusy' || reply === undefined) throw cause
      // It has not arrived: the platform sends it again, after the next start.
      if ((cause.data.queue as { code?: string } | undefined)?.code === 'shutdown') throw cause
      // The lane is full, and would be when the platform tried again at once: the sender is told, and decides.
      log.warn(
        { sessionId, senderId: printable(senderId, MAX_ID), reason: masked(cause.message, { limit: 200 }) },
        'a message was not taken'
      )
      await this.#say({ ...reply, text: cause.message })
      return { state: 'accepted', sessionId, messageId, ended: Promise.resolve() }
    }
  }

  /** Says something on a channel that is no answer. Durable once it resolves. */
  async #say(post: NewPost): Promise<void> {
    await this.#options.db.outbox.add(post, this.#options.now())
    this.#options.outbox.look()
  }
}

/** `<channel>:<name>`, with a digest in place of a name that no id can have. */
function idOf(channel: string, name: string): string {
  const id = `${channel}:${name}`
  return id.length <= MAX_ID && !/\p{Cc}/u.test(name) && name.isWellFormed() ? id : `${channel}:${digest(name)}`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST)
}
