import { setTimeout as sleep } from 'node:timers/promises'
import type { Api, Bot, GrammyError, HttpError } from 'grammy'
import type { Message, Update } from 'grammy/types'
import { systemClock } from '../../../lanes/clock.ts'
import { MAX_ATTACHMENT_BYTES } from '../../../rpc/schemas/agent.ts'
import { masked } from '../../../security/sanitize.ts'
import { type GatewayInstance, gatewayPlugin } from '../../define.ts'
import type { Attachment } from '../../providers/define.ts'
import { type Delivery, DeliveryError, type LostFile } from '../define.ts'
import { parseEvent } from '../event.ts'
import { fetchFile } from '../http.ts'
import { inbound, Refusal, sameSecret } from '../inbound.ts'
import { Typing } from '../typing.ts'
import { Albums } from './albums.ts'
import { Draft } from './draft.ts'
import { chatOf, type IncomingFile, incomingOf } from './message.ts'

const NAME = 'telegram'
/** UTF-16 units of one message. */
const LIMIT = 4096
/** Drafts that are written to, and chats that have moved. Beyond this the oldest is forgotten. */
const MAX_DRAFTS = 1000
const AGAIN_MS = 10_000
/** Telegram shows a typing indicator for five seconds. */
const TYPING_MS = 4000
/** Time for the first call, which says which bot the token is for. */
const GREETING_MS = 10_000
/** Time for the last call at the end of the gateway, which says which messages were taken. */
const GOODBYE_MS = 2000

interface Context {
  /** Id of the message that the draft belongs to. */
  readonly draft: string
}

/** Messages to a Telegram bot, pushed by its webhook or polled, and answers that grow as they are written. */
export default gatewayPlugin({ name: 'telegram', dependencies: ['config', 'db', 'channels'] }, async (app) => {
  const settings = () => app.config.telegram
  const telegram = new Telegram(app)
  app.channels.add({ name: NAME, limit: LIMIT, deliver: (delivery) => telegram.deliver(delivery) })
  await inbound(app, {
    url: '/telegram/events',
    missing: () => [
      ...(settings().token === undefined ? ['telegram.token'] : []),
      ...(settings().webhookSecret === undefined ? ['telegram.webhook_secret'] : [])
    ],
    precheck({ headers }) {
      const given = headers['x-telegram-bot-api-secret-token']
      if (typeof given !== 'string' || !sameSecret(given, settings().webhookSecret ?? ''))
        throw new Refusal(401, 'the secret token is wrong')
    },
    async handle({ body }) {
      const update = parseEvent(body) as Update | undefined
      if (!isUpdate(update)) throw new Refusal(400, 'no update of Telegram')
      await telegram.take(update)
      return { status: 200 }
    }
  })
  app.addHook('onListen', async () => {
    const { token, webhookSecret } = settings()
    if (token === undefined) return
    await telegram.recover()
    if (webhookSecret === undefined) telegram.poll()
  })
  app.addHook('onClose', () => telegram.close())
})

class Telegram {
  readonly #app: GatewayInstance
  readonly #albums: Albums
  /** Chats that were groups before, by the id of the supergroup that they have become. */
  readonly #moved = new Map<number, number>()
  /** Drafts by the message that they answer. */
  readonly #drafts = new Map<string, Draft>()
  /** The message that shows a run, of all messages that the run answers. */
  readonly #shows = new Map<string, { readonly messageId: string; readonly draft: Draft }>()
  readonly #typing = new Typing({ clock: systemClock, everyMs: TYPING_MS })
  readonly #closing = new AbortController()
  #bot: Promise<{ readonly bot: Bot; readonly kinds: typeof import('grammy') }> | undefined
  #polling: Promise<void> | undefined

  constructor(app: GatewayInstance) {
    this.#app = app
    const { cursors } = app.db
    this.#albums = new Albums({ cursors, clock: systemClock, take: (album) => this.#accept(album), log: app.log })
  }

  /** Takes up albums that the last process left. */
  async recover(): Promise<void> {
    await this.#albums.recover()
  }

  /** Polls for messages until the gateway closes. */
  poll(): void {
    this.#polling = this.#poll()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#typing.close()
    this.#albums.close()
    const { bot } = (await this.#bot?.catch(() => undefined)) ?? {}
    if (!bot?.isRunning()) return await this.#polling
    const stopped = bot.stop().then(
      () => this.#polling,
      () => {}
    )
    await Promise.race([stopped, sleep(GOODBYE_MS, undefined, { ref: false })])
  }

  /** Takes an update. @throws what `receive` throws: Telegram then sends the update again */
  async take({ message }: Update): Promise<void> {
    // An update of another shape is answered with 200: Telegram would send it again for hours.
    if (typeof message?.chat?.id !== 'number') return
    const { migrate_to_chat_id: to, migrate_from_chat_id: from, chat } = message
    if (to !== undefined) return await this.#move(chat.id, to)
    if (from !== undefined) return await this.#move(from, chat.id)
    if (message.media_group_id !== undefined && (await this.#albums.add(message))) return
    await this.#accept([message])
  }

  /** Hands a message, or the parts of an album, to the agent. */
  async #accept(messages: readonly Message[]): Promise<void> {
    const { bot } = await this.#open()
    const incoming = incomingOf(messages, bot.botInfo)
    if (!incoming || (!incoming.addressed && this.#app.config.telegram.groups === 'addressed')) return
    const { api } = bot
    const { chat, topic, conversation, messageId, files, addressed: _, ...said } = incoming
    const root = await this.#rootOf(chat)
    const draft = this.#draft(api, conversation)
    const context: Context = { draft: messageId }
    const receipt = await this.#app.channels.receive(NAME, {
      ...said,
      conversation,
      // A group that has become a supergroup has another id and the same conversation.
      ...(root === chat ? {} : { sessionId: `${NAME}:${conversationOf(root, topic)}` }),
      messageId,
      attachments: () => Promise.all(files.map((file) => this.#attachment(api, file))),
      context,
      listener: (event) => {
        if (!('runId' in event)) return
        const shown = this.#shows.get(event.runId) ?? keep(this.#shows, event.runId, { messageId, draft })
        if (this.#drafts.get(messageId) !== shown.draft) keep(this.#drafts, messageId, shown.draft)
        if (shown.messageId !== messageId) return
        if (event.event === 'content') draft.add((event.data as { text: string }).text)
        else if (event.event === 'attachment') void this.#sendFile(api, conversation, event.data as Attachment)
      }
    })
    if (receipt.state !== 'accepted') return
    const place = chatOf(conversation)!
    this.#typing.until(receipt.ended, conversation, () => api.sendChatAction(place.chat, 'typing', topicOf(place)))
  }

  /** Sends an answer, in the place of the draft or as a new message. */
  async deliver({ conversation, context, text, id, signal }: Delivery): Promise<void> {
    const place = chatOf(conversation)
    if (!place) throw new DeliveryError('the conversation names no chat', { retryable: false })
    const { kinds } = await this.#open()
    const { draft: name } = (context ?? {}) as Partial<Context>
    const draft = name === undefined ? undefined : this.#drafts.get(name)
    const shown = await draft?.end()
    try {
      // The first part alone takes the place of what could be read already.
      const stands = shown !== undefined && id.endsWith('-0') && (await this.#replace(place.chat, shown, text, signal))
      if (!stands) await this.#say(place, text, signal)
      if (draft) this.#forget(draft)
    } catch (cause) {
      throw failureOf(cause, kinds)
    }
  }

  /** A group may have become a supergroup since its message: Telegram then names the new chat. */
  async #say(place: { chat: number; topic: number | undefined }, text: string, signal: AbortSignal): Promise<void> {
    const { kinds, bot } = await this.#open()
    try {
      await bot.api.sendMessage(place.chat, text, topicOf(place), abortable(signal))
    } catch (cause) {
      const chat = cause instanceof kinds.GrammyError ? cause.parameters.migrate_to_chat_id : undefined
      if (chat === undefined) throw cause
      await this.#move(place.chat, chat)
      await bot.api.sendMessage(chat, text, topicOf(place), abortable(signal))
    }
  }

  /** Remembers that a group has become a supergroup, also for the next process. */
  async #move(from: number, to: number): Promise<void> {
    const root = await this.#rootOf(from)
    await this.#app.db.cursors.put(movedKey(to), String(root))
    keep(this.#moved, to, root)
  }

  /** The chat that a conversation began in. */
  async #rootOf(chat: number): Promise<number> {
    const known = this.#moved.get(chat)
    if (known !== undefined) return known
    const stored = await this.#app.db.cursors.get(movedKey(chat))
    return keep(this.#moved, chat, stored === undefined ? chat : Number(stored))
  }

  /** `false`: the draft was deleted. */
  async #replace(chat: number, shown: number, text: string, signal: AbortSignal): Promise<boolean> {
    const { kinds, bot } = await this.#open()
    try {
      await bot.api.editMessageText(chat, shown, text, {}, abortable(signal))
      return true
    } catch (cause) {
      if (!(cause instanceof kinds.GrammyError) || cause.error_code !== 400) throw cause
      return cause.description.includes('message is not modified')
    }
  }

  #forget(draft: Draft): void {
    for (const [key, known] of this.#drafts) if (known === draft) this.#drafts.delete(key)
    for (const [key, known] of this.#shows) if (known.draft === draft) this.#shows.delete(key)
  }

  async #poll(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        const { bot } = await this.#open()
        // Telegram sends a message again until it was taken: grammY confirms it with its next request.
        await bot.start({ allowed_updates: ['message'], drop_pending_updates: false })
      } catch (cause) {
        this.#bot = undefined
        const reason = masked((cause as Error).message, { limit: 200 })
        this.#app.log.warn({ reason }, 'Telegram: failed to poll for messages, it is tried again')
      }
      await sleep(AGAIN_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {})
    }
  }

  /** Loaded on first use: a gateway without Telegram starts without it. */
  #open() {
    this.#bot ??= this.#make()
    this.#bot.catch(() => {
      this.#bot = undefined
    })
    return this.#bot
  }

  async #make() {
    const kinds = await import('grammy')
    const { token = '', apiRoot } = this.#app.config.telegram
    const bot = new kinds.Bot(token, { client: { apiRoot } })
    bot.use((context) => this.take(context.update))
    // Thrown on: Telegram sends the same message again.
    bot.catch((error) => {
      throw error.error
    })
    // grammY alone would wait for ever.
    const asking = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(GREETING_MS)])
    bot.botInfo = await bot.api.getMe(abortable(asking)).catch((cause) => {
      throw failureOf(cause, kinds)
    })
    return { bot, kinds }
  }

  #draft(api: Api, conversation: string): Draft {
    const place = chatOf(conversation)!
    return new Draft(
      {
        send: async (text) => (await api.sendMessage(place.chat, text, topicOf(place))).message_id,
        edit: async (message, text) => void (await api.editMessageText(place.chat, message, text))
      },
      { clock: systemClock, limit: LIMIT }
    )
  }

  async #attachment(api: Api, { id, filename, mimeType, size }: IncomingFile): Promise<Attachment | LostFile> {
    const { token, apiRoot } = this.#app.config.telegram
    const { kinds } = await this.#open()
    try {
      if ((size ?? 0) > MAX_ATTACHMENT_BYTES) return { filename, lost: 'it is too large' }
      const { file_path: path } = await api.getFile(id)
      return await fetchFile({ url: `${apiRoot}/file/bot${token}/${path}`, filename, mimeType })
    } catch (cause) {
      // Telegram does not hand it out, now or later: the rest of the message still counts.
      if (cause instanceof kinds.GrammyError && cause.error_code === 400) return { filename, lost: 'it could not be fetched' }
      throw failureOf(cause, kinds)
    }
  }

  async #sendFile(api: Api, conversation: string, { mimeType, data, filename }: Attachment): Promise<void> {
    const place = chatOf(conversation)!
    try {
      const { kinds } = await this.#open()
      const file = new kinds.InputFile(Buffer.from(data, 'base64'), filename ?? `file.${mimeType.split('/')[1]}`)
      if (/^image\/(png|jpeg)$/.test(mimeType)) await api.sendPhoto(place.chat, file, topicOf(place))
      else await api.sendDocument(place.chat, file, topicOf(place))
    } catch (cause) {
      this.#app.log.warn({ reason: masked((cause as Error).message, { limit: 200 }) }, 'Telegram: failed to send a file')
    }
  }
}

/** Adds an entry as the newest, and drops the oldest of too many. */
function keep<K, T>(map: Map<K, T>, key: K, value: T): T {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > MAX_DRAFTS && oldest !== undefined) map.delete(oldest)
  return value
}

function isUpdate(json: unknown): json is Update {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function conversationOf(chat: number, topic: number | undefined): string {
  return topic === undefined ? String(chat) : `${chat}/${topic}`
}

function movedKey(chat: number): string {
  return `telegram.moved.${chat}`
}

function topicOf({ topic }: { topic: number | undefined }) {
  return topic === undefined ? {} : { message_thread_id: topic }
}

/** grammY's types name a polyfill of the class. */
function abortable(signal: AbortSignal): NonNullable<Parameters<Api['getMe']>[0]> {
  return signal as unknown as NonNullable<Parameters<Api['getMe']>[0]>
}

/** Error for the log, with Telegram's own text alone: the URL of a call holds the token. */
function failureOf(
  cause: unknown,
  {
    GrammyError,
    HttpError
  }: { GrammyError: new (...args: never[]) => GrammyError; HttpError: new (...args: never[]) => HttpError }
): Error {
  if (cause instanceof GrammyError) {
    const { error_code: code, description, parameters } = cause
    const retryAfterMs = parameters.retry_after === undefined ? {} : { retryAfterMs: parameters.retry_after * 1000 }
    return new DeliveryError(`${code} ${description}`, { retryable: code === 429 || code >= 500, ...retryAfterMs })
  }
  if (cause instanceof HttpError) return new DeliveryError('Telegram could not be reached', { retryable: true })
  return cause instanceof Error ? cause : new Error(String(cause))
}
