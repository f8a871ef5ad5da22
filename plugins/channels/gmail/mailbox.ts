import type { FastifyBaseLogger } from 'fastify'
import type { Db } from '../../../db/client.ts'
import type { Config } from '../../config/index.ts'
import type { AccessToken } from '../access.ts'
import { DeliveryError } from '../define.ts'
import { accepted, type Exchanged, exchange } from '../http.ts'
import { type Mail, type MailContext, mailOf, rawAnswer } from './mail.ts'

type Settings = Config['gmail']

/** Up to where the mailbox was read, by account. */
const cursorOf = (account: string): string => `gmail.history.${account}`
const TIMEOUT_MS = 30_000
/** Mails that are taken at once after a long absence. */
const MAX_FULL = 100
const MAX_PAGES = 100

interface MailboxOptions {
  readonly settings: () => Settings
  readonly token: AccessToken
  readonly cursors: Db['cursors']
  readonly take: (mail: Mail) => Promise<void>
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn'>
}

/** One mailbox, read from where it was read last. */
export class Mailbox {
  readonly #settings: () => Settings
  readonly #token: AccessToken
  readonly #cursors: Db['cursors']
  readonly #take: MailboxOptions['take']
  readonly #log: MailboxOptions['log']
  #reading: Promise<void> | undefined
  #again = false

  constructor({ settings, token, cursors, take, log }: MailboxOptions) {
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

  /** Has the mailbox tell of new mail, for the next seven days. The first time it says from where on to read. */
  async watch(): Promise<void> {
    const { topic } = this.#settings()
    const { json } = await this.#call('watch', { topicName: topic, labelIds: ['INBOX'], labelFilterBehavior: 'INCLUDE' })
    const { historyId } = (json ?? {}) as { historyId?: unknown }
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
    if (from === undefined) return await this.watch()
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
    const mail = mailOf(json)
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
