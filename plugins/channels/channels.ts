import { createHash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Db, NewPost } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import { masked, printable } from '../../security/sanitize.ts'
import { type GatewayInstance, NamedRegistry } from '../define.ts'
import type { Access } from '../pairing/index.ts'
import { Activity } from './activity.ts'
import type { Channel, Inbound, Receipt } from './define.ts'
import { readFiles } from './files.ts'
import type { Answer, InboundRequest, InboundRoute } from './inbound.ts'
import type { Outbox } from './outbox.ts'
import { type Admission, type UnknownSenders, WELCOME } from './unknown-senders.ts'

/** Characters of a session id, and of a caller's. */
const MAX_ID = 256
const DIGEST = 32
/** Smaller limits do not fit any text. */
const MIN_LIMIT = 2
/** Characters of a sender's name before its text. */
const MAX_NAME = 64
/** Characters of a message that is quoted. */
const MAX_QUOTE = 1000
const NAME = /^[a-z][a-z0-9_-]{0,31}$/

interface ChannelsOptions {
  readonly agent: Pick<GatewayInstance['agent'], 'accept'>
  readonly commands: Pick<GatewayInstance['commands'], 'find'>
  readonly presence: Pick<GatewayInstance['presence'], 'seen'>
  readonly pairing: Pick<GatewayInstance['pairing'], 'setDefault' | 'policy'>
  readonly db: { readonly outbox: Pick<Db['outbox'], 'add'> }
  readonly unknownSenders: UnknownSenders
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

/** The channels of the gateway, and the one way in for their messages. */
export class Channels {
  /** Routes of platforms. */
  readonly routes = new Set<Pick<InboundRoute, 'url' | 'missing'>>()
  readonly activity = new Activity()
  readonly #channels = new NamedRegistry<Channel>('channel')
  readonly #options: ChannelsOptions

  constructor(options: ChannelsOptions) {
    this.#options = options
  }

  /** Adds a channel. A name that is taken or malformed stops the start. */
  add(channel: Channel): void {
    const { name, limit, pairing } = channel
    if (!NAME.test(name)) {
      throw new Error(`Channel '${name}': a name has at most 32 lower-case letters, digits, _ and -, and begins with a letter`)
    }
    if (limit < MIN_LIMIT) throw new Error(`Channel '${name}': its limit must be at least ${MIN_LIMIT}`)
    this.#channels.add(channel)
    if (pairing !== undefined) this.#options.pairing.setDefault(name, pairing)
  }

  get(name: string): Channel | undefined {
    return this.#channels.get(name)
  }

  list(): Channel[] {
    return this.#channels.list()
  }

  /**
   * Hands a message to the agent. Resolves as soon as it is stored, so that the platform can be answered at once. The answer goes out by
   * `deliver`, also after a restart.
   * @throws RpcError InternalError where it could not be stored, AgentBusy where the gateway is closing: the message has not arrived
   */
  async receive(channel: string, inbound: Inbound): Promise<Receipt> {
    let outcome: Receipt['state'] | 'failed' = 'failed'
    try {
      const receipt = await this.#receive(channel, inbound)
      outcome = receipt.state
      return receipt
    } finally {
      this.activity.received(channel, outcome, this.#options.now())
      this.#options.hooks.emit('channel.received', { channel, outcome })
    }
  }

  async #receive(channel: string, inbound: Inbound): Promise<Receipt> {
    const { presence, unknownSenders } = this.#options
    const { conversation, senderId, senderName, text, context } = inbound
    presence.seen({ channel, senderId, senderName })
    const here = { channel, conversation, ...(context === undefined ? {} : { context }) }
    const admission: Admission =
      inbound.access === undefined
        ? await unknownSenders.admit({ channel, conversation, senderId, text })
        : { access: inbound.access }
    if (admission.access !== undefined) return await this.#accept(channel, inbound, { access: admission.access, here })
    const isPaired = admission.say === WELCOME
    if (!isPaired && this.#options.pairing.policy(channel) === 'required') {
      const name = senderName === undefined ? null : printable(senderName, MAX_NAME)
      this.#options.hooks.emit('pairing.request', { channel, senderId: printable(senderId, MAX_ID), senderName: name })
    }
    if (admission.say !== undefined) await this.#say({ ...here, text: admission.say })
    return { state: 'stranger' }
  }

  async #accept(
    channel: string,
    inbound: Inbound,
    { access, here }: { access: Access; here: Omit<NewPost, 'text'> }
  ): Promise<Receipt> {
    const { agent, outbox, log } = this.#options
    const { conversation, senderId, messageId, attachments, commands, replyTo, listener = () => {} } = inbound
    const sessionId = inbound.sessionId ?? idOf(channel, conversation)
    const reply = replyTo === false ? undefined : (replyTo ?? here)
    // A message can never be taken that was refused once. Its sender gets one sentence, unless the answer goes elsewhere.
    const refuse = async (reason: string): Promise<Receipt> => {
      if (replyTo === undefined) await this.#say({ ...here, text: reason })
      return { state: 'refused', reason }
    }
    const files = await readFiles((await attachments?.()) ?? [])
    const missing = [...(inbound.untaken ?? []), ...files.lost]
    const message = this.#messageOf(inbound)
    if (message === '' && files.attachments.length === 0) return await refuse(cannotTake(missing))
    // Talking is all that a sender may do, whatever its access: no scope of an operator comes over a channel.
    const caller: Caller = {
      id: idOf(channel, senderId),
      scopes: new Set(['read', 'write']),
      ...(access === 'guest' ? { access } : {})
    }
    try {
      const accepted = await agent.accept({
        sessionId,
        message: [...(message === '' ? [] : [message]), ...noteOf(missing)].join('\n\n'),
        attachments: files.attachments,
        caller,
        commands,
        idempotencyKey: messageId.length > MAX_ID - 1 ? digest(messageId) : messageId,
        reply,
        listener
      })
      const look = (): void => outbox.look()
      const state = accepted.duplicate ? 'duplicate' : 'accepted'
      return { state, sessionId, messageId: accepted.messageId, ended: accepted.outcome.then(look, look) }
    } catch (cause) {
      if (cause instanceof RpcError && cause.kind === 'InvalidRequest') {
        return await refuse(`This message cannot be taken: ${cause.message}`)
      }
      if (!(cause instanceof RpcError) || cause.kind !== 'AgentBusy' || reply === undefined) throw cause
      // The gateway is closing: the message has not arrived, and the platform sends it again after the next start.
      if ((cause.data.queue as { code?: string } | undefined)?.code === 'shutdown') throw cause
      // The lane is full, and would be when the platform tried again at once: the sender is informed and decides.
      log.warn(
        { sessionId, senderId: printable(senderId, MAX_ID), reason: masked(cause.message, { limit: 200 }) },
        'a message was rejected by its lane'
      )
      await this.#say({ ...reply, text: cause.message })
      return { state: 'accepted', sessionId, messageId, ended: Promise.resolve() }
    }
  }

  /** The text for the agent: with the sender's name in a group, and after the message that it refers to. A command stands alone. */
  #messageOf({ text, group = false, senderName, quote, forwardedFrom, commands = true }: Inbound): string {
    if (commands && this.#options.commands.find(text) !== undefined) return text
    const name = group && senderName !== undefined ? named(senderName) : ''
    const said = [
      ...(forwardedFrom === undefined ? [] : [`[Forwarded from ${named(forwardedFrom)}]`]),
      ...(quote === undefined
        ? []
        : [`[In reply to${quote.name ? ` ${named(quote.name)}` : ''}: "${printable(quote.text, MAX_QUOTE)}"]`]),
      ...(text === '' ? [] : [text])
    ].join('\n')
    return name === '' ? said : `${name}: ${said}`.trim()
  }

  /** Posts a sentence of the gateway. Durable once it resolves. */
  async #say(post: NewPost): Promise<void> {
    await this.#options.db.outbox.add(post, this.#options.now())
    this.#options.outbox.look()
  }
}

/** Note for the agent of the parts that it does not get. */
function noteOf(missing: readonly string[]): string[] {
  return missing.length === 0 ? [] : [`[Also sent, but not readable here: ${missing.join('; ')}.]`]
}

/** A name on one line, without the brackets and quotes that notes are made of. */
function named(name: string): string {
  return printable(name.replace(/["[\]]/g, ''), MAX_NAME).trim()
}

/** Answer to a message of which nothing can be taken. */
function cannotTake(missing: readonly string[]): string {
  const what = missing.length === 0 ? 'This message arrived empty' : `I cannot read ${missing.join('; ')}`
  return `${what}. Please send text, a picture or a document.`
}

/** `<channel>:<name>`, with a digest in place of a name that no id can have. */
function idOf(channel: string, name: string): string {
  const id = `${channel}:${name}`
  return id.length <= MAX_ID && !/\p{Cc}/u.test(name) && name.isWellFormed() ? id : `${channel}:${digest(name)}`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, DIGEST)
}
