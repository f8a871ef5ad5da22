import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../../db/client.ts'
import type { Clock } from '../../../lanes/clock.ts'
import { MAX_ATTACHMENT_BYTES } from '../../../rpc/schemas/agent.ts'
import type { Config } from '../../config/index.ts'
import type { Attachment } from '../../providers/define.ts'
import type { Token } from '../access.ts'
import { DeliveryError, type LostFile } from '../define.ts'
import { accepted, type Exchanged, exchange } from '../http.ts'
import type { MailFile } from './body.ts'
import { type Mail, type MailContext, mailOf, rawAnswer } from './mail.ts'

type Settings = Config['gmail']

/** Reading position in the history of an account. */
const cursorOf = (account: string): string => `gmail.history.${account}`
const TIMEOUT_MS = 30_000
/** A file as the API sends it: base64 in JSON. */
const MAX_FILE_RESPONSE = Math.ceil((MAX_ATTACHMENT_BYTES * 4) / 3) + 1024
const DAY_MS = 24 * 60 * 60_000
/** Mails that are read after a long absence. */
const MAX_FULL = 100
const MAX_PAGES = 100

interface MailboxOptions {
  readonly settings: () => Settings
  readonly token: Token
  readonly cursors: Db['cursors']
  readonly clock: Pick<Clock, 'now'>
  readonly take: (mail: Mail) => Promise<void>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>
}

/** One mailbox, read on from its stored position. */
export class Mailbox {
  readonly #settings: () => Settings
  readonly #token: Token
  readonly #cursors: Db['cursors']
  readonly #take: MailboxOptions['take']
  readonly #log: MailboxOptions['log']
  readonly #clock: MailboxOptions['clock']
  /** Time and end of the watch, and the settings it was made with. */
  #watched: { readonly at: number; readonly until: number; readonly of: Settings } | undefined
  #reading: Promise<void> | undefined
  #again = false

  constructor({ settings, token, cursors, clock, take, log }: MailboxOptions) {
    this.#clock = clock
    this.#settings = settings
    this.#token = token
    this.#cursors = cursors
    this.#take = take
    this.#log = log
  }

  /** `true`: the pushed position is later than the stored one. */
  async isNews(historyId: bigint): Promise<boolean> {
    const known = await this.#cursors.get(cursorOf(this.#account))
    return known === undefined || historyId > BigInt(known)
  }

  /** Reads new mail. Any number of calls while it reads is one more reading. Never rejects. */
  sync(): Promise<void> {
    if (this.#reading) {
      this.#again = true
      return this.#reading
    }
    this.#reading = this.#readAll().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  /** Reads new mail and renews the watch of the mailbox, which ends after seven days. Never rejects. */
  async keepUp(): Promise<void> {
    const now = this.#clock.now()
    const { at, until, of } = this.#watched ?? { at: 0, until: 0, of: undefined }
    if (now - at >= DAY_MS || of !== this.#settings()) {
      try {
        await this.#watch()
      } catch (cause) {
        const reason = (cause as Error).message
        if (until - now < DAY_MS)
          this.#log.error({ reason }, 'Gmail: failed to renew the watch, new mail is not pushed or soon will not be')
        else this.#log.warn({ reason, until }, 'Gmail: failed to renew the watch, it is tried again')
      }
    }
    await this.sync()
  }

  /** Asks for pushes. The first answer is the position to read from. */
  async #watch(): Promise<void> {
    const settings = this.#settings()
    const { topic } = settings
    const { json } = await this.#call('watch', { topicName: topic, labelIds: ['INBOX'], labelFilterBehavior: 'INCLUDE' })
    const { historyId, expiration } = (json ?? {}) as { historyId?: unknown; expiration?: unknown }
    this.#watched = { at: this.#clock.now(), until: Number(expiration) || 0, of: settings }
    const cursor = cursorOf(this.#account)
    if ((await this.#cursors.get(cursor)) === undefined && historyId !== undefined)
      await this.#cursors.put(cursor, String(historyId))
  }

  /** @throws DeliveryError */
  async answer(context: MailContext, text: string, signal: AbortSignal): Promise<void> {
    const body = { raw: await rawAnswer(context, this.#account, text), threadId: context.thread }
    accepted(await this.#request('messages/send', { method: 'POST', body: JSON.stringify(body), signal }))
  }

  /** A file of a mail. One that cannot be fetched is lost. */
  async file(id: string, { filename, mimeType, size, data, attachmentId }: MailFile): Promise<Attachment | LostFile> {
    if (size > MAX_ATTACHMENT_BYTES) return { filename, lost: 'it is too large' }
    const lost = { filename, lost: 'it could not be fetched' }
    const path = `messages/${encodeURIComponent(id)}/attachments/${encodeURIComponent(attachmentId ?? '')}`
    const found =
      data ??
      (await this.#request(path, {}, MAX_FILE_RESPONSE).then(
        ({ status, json }) => (status === 200 ? (json as { data?: unknown } | undefined)?.data : undefined),
        () => undefined
      ))
    return typeof found === 'string' ? { filename, mimeType, data: Buffer.from(found, 'base64url').toString('base64') } : lost
  }

  get #account(): string {
    return this.#settings().account ?? ''
  }

  async #readAll(): Promise<void> {
    try {
      do {
        this.#again = false
        await this.#read()
      } while (this.#again)
    } catch (cause) {
      this.#log.warn({ reason: (cause as Error).message }, 'Gmail: failed to read the mailbox, it is tried again later')
    }
  }

  async #read(): Promise<void> {
    const cursor = cursorOf(this.#account)
    const from = await this.#cursors.get(cursor)
    if (from === undefined) return await this.#watch()
    let pageToken: string | undefined
    let newest = from
    for (let page = 0; page < MAX_PAGES; page++) {
      const query = new URLSearchParams({
        startHistoryId: from,
        historyTypes: 'messageAdded',
        labelId: 'INBOX',
        maxResults: '500'
      })
      if (pageToken !== undefined) query.set('pageToken', pageToken)
      const { status, json } = await this.#request(`history?${query}`)
      if (status === 404) return await this.#readRecent()
      if (status !== 200) throw new Error(`history answered ${status}`)
      const { history = [], historyId, nextPageToken } = json as History
      for (const { messagesAdded = [] } of history) for (const { message } of messagesAdded) await this.#takeOne(message.id)
      newest = String(historyId ?? newest)
      pageToken = nextPageToken
      if (pageToken === undefined) break
    }
    // Only now: mails that were not taken are read again.
    await this.#cursors.put(cursor, newest)
  }

  /** Reads the mails of the last day, when the history does not go back to the stored position. */
  async #readRecent(): Promise<void> {
    this.#log.info('Gmail: the history is too short, the last day is read instead')
    const { json: profile } = await this.#call('profile')
    const { json } = await this.#call(
      `messages?${new URLSearchParams({ q: 'newer_than:1d', labelIds: 'INBOX', maxResults: String(MAX_FULL) })}`
    )
    const { messages = [] } = (json ?? {}) as { messages?: { id: string }[] }
    for (const { id } of messages.toReversed()) await this.#takeOne(id)
    await this.#cursors.put(cursorOf(this.#account), String((profile as { historyId: unknown }).historyId))
  }

  async #takeOne(id: string): Promise<void> {
    const { status, json } = await this.#request(`messages/${encodeURIComponent(id)}?format=full`)
    // Deleted since it was listed.
    if (status === 404) return
    if (status !== 200) throw new Error(`messages answered ${status}`)
    // Too large or malformed, however often it is read. It must not hold up the next ones.
    if (json === undefined) return this.#log.warn({ id }, 'Gmail: a mail is unreadable, and is skipped')
    const mail = await mailOf(json, this.#account)
    if (mail) await this.#take(mail)
  }

  async #call(path: string, body?: object): Promise<Exchanged> {
    const answer = await this.#request(path, body ? { method: 'POST', body: JSON.stringify(body) } : {})
    if (answer.status !== 200) throw new Error(`${path.split('?', 1)[0]} answered ${answer.status}`)
    return answer
  }

  async #request(
    path: string,
    { signal = AbortSignal.timeout(TIMEOUT_MS), ...init }: RequestInit & { signal?: AbortSignal } = {},
    maxBytes?: number
  ): Promise<Exchanged> {
    const headers = { authorization: `Bearer ${await this.#token.get()}`, 'content-type': 'application/json' }
    const answer = await exchange(
      `${this.#settings().apiUrl}/gmail/v1/users/me/${path}`,
      { ...init, headers, signal },
      maxBytes === undefined ? {} : { maxBytes }
    )
    if (answer.status !== 401) return answer
    this.#token.forget()
    throw new DeliveryError('the platform refused the access token', { retryable: true })
  }
}

interface History {
  readonly history?: { readonly messagesAdded?: { readonly message: { readonly id: string } }[] }[]
  readonly historyId?: unknown
  readonly nextPageToken?: string
}
