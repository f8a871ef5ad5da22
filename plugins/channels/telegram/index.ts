import { setTimeout as sleep } from 'node:timers/promises'
import type { Api, Bot, GrammyError, HttpError } from 'grammy'
import type { Update } from 'grammy/types'
import { systemClock } from '../../../lanes/clock.ts'
import { parseJson } from '../../../rpc/json.ts'
import { masked } from '../../../security/sanitize.ts'
import { type GatewayInstance, gatewayPlugin } from '../../define.ts'
import type { Attachment } from '../../providers/define.ts'
import { type Delivery, DeliveryError } from '../define.ts'
import { inbound, Refusal, sameSecret } from '../inbound.ts'
import { Typing } from '../typing.ts'
import { Draft } from './draft.ts'
import { chatOf, type Incoming, incomingOf } from './message.ts'

const NAME = 'telegram'
/** UTF-16 units of one message. */
const LIMIT = 4096
/** What the Bot API lets bots download is 20 MB; of that, what an agent takes. */
const MAX_FILE = 10 * 1024 * 1024
/** Drafts that are written to; past this the oldest is left as it is. */
const MAX_DRAFTS = 1000
const AGAIN_MS = 10_000
/** Telegram shows for five seconds that somebody is typing. */
const TYPING_MS = 4000
/** What it gets to say which bot it is for. */
const GREETING_MS = 10_000
/** What it gets to hear which messages were taken, when the gateway closes. */
const GOODBYE_MS = 2000

interface Context {
  /** Names the draft. */
  readonly draft: string
}

/** Messages to a Telegram bot, by its webhook or asked for, and answers that grow as they are written. */
export default gatewayPlugin({ name: 'telegram', dependencies: ['config', 'channels'] }, async (app) => {
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
      const update = parseJson(body.toString()) as Update | null
      if (typeof update !== 'object' || update === null) throw new Refusal(400, 'no update')
      await telegram.take(update)
      return { status: 200 }
    }
  })
  app.addHook('onListen', async () => {
    const { token, webhookSecret } = settings()
    if (token !== undefined && webhookSecret === undefined) telegram.poll()
  })
  app.addHook('onClose', () => telegram.close())
})

class Telegram {
  readonly #app: GatewayInstance
  /** By message: what its answer takes the place of. */
  readonly #drafts = new Map<string, Draft>()
  /** Which of the messages that a run answers shows it: the others would show the same once more. */
  readonly #shows = new Map<string, { readonly messageId: string; readonly draft: Draft }>()
  readonly #typing = new Typing({ clock: systemClock, everyMs: TYPING_MS })
  readonly #closing = new AbortController()
  #bot: Promise<{ readonly bot: Bot; readonly kinds: typeof import('grammy') }> | undefined
  #polling: Promise<void> | undefined

  constructor(app: GatewayInstance) {
    this.#app = app
  }

  /** Asks for messages until the gateway closes. */
  poll(): void {
    this.#polling = this.#poll()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#typing.close()
    const { bot } = (await this.#bot?.catch(() => undefined)) ?? {}
    if (!bot?.isRunning()) return await this.#polling
    const stopped = bot.stop().then(
      () => this.#polling,
      () => {}
    )
    await Promise.race([stopped, sleep(GOODBYE_MS, undefined, { ref: false })])
  }

  /** Takes what Telegram tells. @throws what `receive` throws: it is told again then */
  async take(update: Update): Promise<void> {
    const { bot } = await this.#open()
    const incoming = incomingOf(update, bot.botInfo.username)
    if (!incoming) return
    const { api } = bot
    const { conversation, messageId, senderId, senderName, text } = incoming
    const draft = this.#draft(api, conversation)
    const context: Context = { draft: messageId }
    const receipt = await this.#app.channels.receive(NAME, {
      conversation,
      messageId,
      senderId,
      senderName,
      text,
      attachments: () => this.#attachments(api, incoming),
      context,
      listener: (told) => {
        if (!('runId' in told)) return
        const shown = this.#shows.get(told.runId) ?? keep(this.#shows, told.runId, { messageId, draft })
        if (this.#drafts.get(messageId) !== shown.draft) keep(this.#drafts, messageId, shown.draft)
        if (shown.messageId !== messageId) return
        if (told.event === 'content') draft.add((told.data as { text: string }).text)
        else if (told.event === 'attachment') void this.#sendFile(api, conversation, told.data as Attachment)
      }
    })
    if (receipt.state !== 'accepted') return
    const place = chatOf(conversation)!
    this.#typing.until(receipt.ended, conversation, () => api.sendChatAction(place.chat, 'typing', topicOf(place)))
  }

  /** In the place of the draft, or as a message of its own. */
  async deliver({ conversation, context, text, id, signal }: Delivery): Promise<void> {
    const place = chatOf(conversation)
    if (!place) throw new DeliveryError('the conversation is no chat', { retryable: false })
    const { kinds, bot } = await this.#open()
    const { draft: name } = (context ?? {}) as Partial<Context>
    const draft = name === undefined ? undefined : this.#drafts.get(name)
    const shown = await draft?.end()
    try {
      // The first part alone takes the place of what could be read already.
      const stands = shown !== undefined && id.endsWith('-0') && (await this.#replace(place.chat, shown, text, signal))
      if (!stands) await bot.api.sendMessage(place.chat, text, topicOf(place), abortable(signal))
      if (draft) this.#forget(draft)
    } catch (cause) {
      throw failureOf(cause, kinds)
    }
  }

  /** `false`: the draft is not there any more. Somebody may have deleted it. */
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
        // A message is asked for again until it was taken: grammY confirms it with the next question.
        await bot.start({ allowed_updates: ['message'], drop_pending_updates: false })
      } catch (cause) {
        this.#bot = undefined
        const reason = masked((cause as Error).message, { limit: 200 })
        this.#app.log.warn({ reason }, 'Telegram: messages cannot be asked for, it is tried again')
      }
      await sleep(AGAIN_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {})
    }
  }

  /** Loaded with the first use: a gateway without Telegram starts without it. */
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
    // Thrown on: the same message is asked for again.
    bot.catch((error) => {
      throw error.error
    })
    // By itself it would ask until it is answered, however long that is.
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

  async #attachments(api: Api, { file }: Incoming): Promise<Attachment[]> {
    if (!file) return []
    const { token, apiRoot } = this.#app.config.telegram
    if ((file.size ?? 0) > MAX_FILE) return [note(file.filename, 'it is too large')]
    const { kinds } = await this.#open()
    try {
      const { file_path: path } = await api.getFile(file.id)
      const data = await download(`${apiRoot}/file/bot${token}/${path}`)
      if (data === undefined) return [note(file.filename, 'it could not be fetched')]
      const attachment = { mimeType: file.mimeType, data: data.toString('base64') }
      return [file.filename === undefined ? attachment : { ...attachment, filename: file.filename }]
    } catch (cause) {
      // Telegram does not give it, now or later: what was said with it still counts.
      if (cause instanceof kinds.GrammyError && cause.error_code === 400) return [note(file.filename, 'it could not be fetched')]
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
      this.#app.log.warn({ reason: masked((cause as Error).message, { limit: 200 }) }, 'Telegram: a file could not be sent')
    }
  }
}

/** As the newest; the oldest one makes room. */
function keep<T>(map: Map<string, T>, key: string, value: T): T {
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > MAX_DRAFTS && oldest !== undefined) map.delete(oldest)
  return value
}

/** Undefined: there is none, or more than an agent takes. The URL holds the token, and stands in no error. */
async function download(url: string): Promise<Buffer | undefined> {
  try {
    const { ok, body } = await fetch(url, { signal: AbortSignal.timeout(30_000), redirect: 'error' })
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of body ?? []) {
      bytes += chunk.length
      if (!ok || bytes > MAX_FILE) return undefined
      chunks.push(chunk)
    }
    return ok ? Buffer.concat(chunks) : undefined
  } catch {
    throw new DeliveryError('a file of Telegram could not be fetched', { retryable: true })
  }
}

function topicOf({ topic }: { topic: number | undefined }) {
  return topic === undefined ? {} : { message_thread_id: topic }
}

/** grammY rests on a polyfill of the class, which the real one is as good as. */
function abortable(signal: AbortSignal): NonNullable<Parameters<Api['getMe']>[0]> {
  return signal as unknown as NonNullable<Parameters<Api['getMe']>[0]>
}

/** So that the agent knows that there was something. */
function note(filename = 'a file', why: string): Attachment {
  return { mimeType: 'text/plain', data: Buffer.from(`[${filename} was sent, but ${why}]`).toString('base64') }
}

/** The URL of a call holds the token: of an error only what Telegram says is shown. */
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
