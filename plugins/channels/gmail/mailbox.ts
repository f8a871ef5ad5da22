import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../../db/client.ts'
import type { Clock } from '../../../lanes/clock.ts'
import type { Config } from '../../config/index.ts'
import type { Token } from '../access.ts'
import { DeliveryError } from '../define.ts'
import { accepted, type Exchanged, exchange } from '../http.ts'
import { type Mail, type MailContext, mailOf, rawAnswer } from './mail.ts'

type Settings = Config['gmail']

/** Up to where the mailbox was read, by account. */
const cursorOf = (account: string): string => `gmail.history.${account}`
const TIMEOUT_MS = 30_000
const DAY_MS = 24 * 60 * 60_000
/** Mails that are taken at once after a long absence. */
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

/** One mailbox, read from where it was read last. */
export class Mailbox {
  readonly #settings: () => Settings
  readonly #token: Token
  readonly #cursors: Db['cursors']
  readonly #take: MailboxOptions['take']
  readonly #log: MailboxOptions['log']
  readonly #clock: MailboxOptions['clock']
  /** When the watch was asked for, and until when it is good, with which settings. */
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

  /** Whether what was pushed may be news. */
  async isNews(historyId: bigint): Promise<boolean> {
    const known = await this.#cursors.get(cursorOf(this.#account))
    return known === undefined || historyId > BigInt(known)
  }

  /** Reads what is new. While it reads, any number of calls is one more reading. Never rejects. */
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

  /** Reads what is new, and sees to it that the mailbox tells of what comes: a watch ends after seven days. Never rejects. */
  async keepUp(): Promise<void> {
    const now = this.#clock.now()
    const { at, until, of } = this.#watched ?? { at: 0, until: 0, of: undefined }
    if (now - at >= DAY_MS || of !== this.#settings()) {
      try {
        await this.#watch()
      } catch (cause) {
        const reason = (cause as Error).message
        if (until - now < DAY_MS) this.#log.error({ reason }, 'Gmail: the mailbox does not tell of new mail, or soon will not')
        else this.#log.warn({ reason, until }, 'Gmail: the watch of the mailbox was not renewed, it is tried again')
      }
    }
    await this.sync()
  }

  /** The first time the mailbox says from where on to read. */
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
      this.#log.warn({ reason: (cause as Error).message }, 'Gmail: the mailbox could not be read, it is tried again later')
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
      if (status !== 200) throw new Error(`the history is not shown: ${status}`)
      const { history = [], historyId, nextPageToken } = json as History
      for (const { messagesAdded = [] } of history) for (const { message } of messagesAdded) await this.#takeOne(message.id)
      newest = String(historyId ?? newest)
      pageToken = nextPageToken
      if (pageToken === undefined) break
    }
    // Only now: what was not taken is read again.
    await this.#cursors.put(cursor, newest)
  }

  /** Where the last reading is too long ago for the history: the mails of the last day. */
  async #readRecent(): Promise<void> {
    this.#log.info('Gmail: the history does not go back far enough, the last day is read instead')
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
    // Deleted meanwhile.
    if (status === 404) return
    if (status !== 200) throw new Error(`a message is not shown: ${status}`)
    // Too long, or of a form that is not known: as often as it is read. What follows must not wait for it.
    if (json === undefined) return this.#log.warn({ id }, 'Gmail: a mail cannot be read, and is passed over')
    const mail = await mailOf(json)
    if (mail && mail.from !== this.#account.toLowerCase()) await this.#take(mail)
  }

  async #call(path: string, body?: object): Promise<Exchanged> {
    const answer = await this.#request(path, body ? { method: 'POST', body: JSON.stringify(body) } : {})
    if (answer.status !== 200) throw new Error(`${path.split('?', 1)[0]} answered ${answer.status}`)
    return answer
  }

  async #request(
    path: string,
    { signal = AbortSignal.timeout(TIMEOUT_MS), ...init }: RequestInit & { signal?: AbortSignal } = {}
  ): Promise<Exchanged> {
    const headers = { authorization: `Bearer ${await this.#token.get()}`, 'content-type': 'application/json' }
    const answer = await exchange(`${this.#settings().apiUrl}/gmail/v1/users/me/${path}`, { ...init, headers, signal })
    if (answer.status !== 401) return answer
    this.#token.forget()
    throw new DeliveryError('the platform did not take the token', { retryable: true })
  }
}

interface History {
  readonly history?: { readonly messagesAdded?: { readonly message: { readonly id: string } }[] }[]
  readonly historyId?: unknown
  readonly nextPageToken?: string
}
