import { systemClock } from '../../../lanes/clock.ts'
import type { Config } from '../../config/index.ts'
import { gatewayPlugin } from '../../define.ts'
import { type Delivery, DeliveryError } from '../define.ts'
import { parseEvent } from '../event.ts'
import { accepted, exchange, fetchFile } from '../http.ts'
import { type InboundRequest, inbound, Refusal, sameSecret } from '../inbound.ts'
import { Debounce } from './debounce.ts'
import { Echoes } from './echoes.ts'
import { type Incoming, type IncomingFile, incomingOf, messageOf } from './event.ts'

const NAME = 'bluebubbles'
const LIMIT = 4000
/** Age up to which messages are answered: the server may send old ones again after days, when its database is rebuilt or it restarts. */
const MAX_AGE_MS = 24 * 60 * 60_000
/** Messages that are read after an absence. */
const CATCH_UP = 1000
/** Epoch milliseconds of the newest message that was taken. */
const CURSOR = 'bluebubbles.last-message-at'

/** `POST /bluebubbles/events`: messages of a BlueBubbles server, and answers through it. */
export default gatewayPlugin({ name: 'bluebubbles', dependencies: ['config', 'db', 'channels'] }, async (app) => {
  const settings = () => app.config.bluebubbles
  const echoes = new Echoes(systemClock.now)
  const take = async (messages: readonly Incoming[]): Promise<void> => {
    const [first] = messages
    const { guid, chat, sender, group } = first!
    await app.channels.receive(NAME, {
      conversation: chat,
      senderId: sender,
      senderName: sender,
      group,
      messageId: guid,
      text: messages.flatMap(({ text }) => (text === '' ? [] : [text])).join('\n'),
      attachments: () => Promise.all(messages.flatMap(({ files }) => files).map((file) => attachmentOf(file, settings()))),
      untaken: messages.flatMap(({ untaken }) => untaken)
    })
    const newest = Math.max(...messages.map(({ at = 0 }) => at))
    if (newest > Number((await app.db.cursors.get(CURSOR)) ?? 0)) await app.db.cursors.put(CURSOR, String(newest))
  }
  const debounce = new Debounce(systemClock, take)
  const isCurrent = ({ at, chat, text }: Incoming): boolean =>
    (at === undefined || at > Date.now() - MAX_AGE_MS) && !echoes.take(chat, text)

  app.channels.add({ name: NAME, limit: LIMIT, deliver: (delivery) => deliver(delivery, settings(), echoes) })
  await inbound(app, {
    url: '/bluebubbles/events',
    missing: () =>
      (['token', 'serverUrl', 'password'] as const).flatMap((key) => (settings()[key] === undefined ? [KEYS[key]] : [])),
    precheck: (request) => checkToken(request, settings().token!),
    async handle({ body, log }) {
      const message = incomingOf(parseEvent(body))
      // Not awaited: messages that the end of the process loses are read after the next start.
      if (message && isCurrent(message))
        debounce.add(message, settings().debounceMs).catch((err) => log.error({ err }, 'BlueBubbles: failed to take a message'))
      return { status: 200, body: { ok: true } }
    }
  })

  // The server sends each event once, also to a gateway that does not run.
  app.addHook('onListen', async () => {
    const { serverUrl, password } = settings()
    if (serverUrl === undefined || password === undefined) return
    const known = await app.db.cursors.get(CURSOR)
    // A minute earlier than now: the clock of the Mac may be behind.
    if (known === undefined) return await app.db.cursors.put(CURSOR, String(Date.now() - 60_000))
    missed(serverUrl, password, Math.max(Number(known), Date.now() - MAX_AGE_MS))
      .then(async (messages) => {
        for (const message of messages) if (isCurrent(message)) await take([message])
        if (messages.length > 0)
          app.log.info({ messages: messages.length }, 'BlueBubbles: read the messages of the time without gateway')
      })
      .catch((err) =>
        app.log.warn({ reason: (err as Error).message }, 'BlueBubbles: failed to read the messages of the time without gateway')
      )
  })
})

const KEYS = { token: 'bluebubbles.token', serverUrl: 'bluebubbles.server_url', password: 'bluebubbles.password' } as const

/** The server signs nothing: its proof is the URL that it was given. */
function checkToken({ headers, query }: Omit<InboundRequest, 'body'>, token: string): void {
  const header = headers['x-bluebubbles-token']
  const given = typeof header === 'string' ? header : (query.get('token') ?? query.get('password') ?? query.get('guid'))
  if (given === null || !sameSecret(given, token)) throw new Refusal(401, 'the token is missing or wrong')
}

/** Sends a message. The server answers once the message is in the database of the Mac, and may have sent it without an answer. */
async function deliver(
  { conversation, text, id, signal }: Delivery,
  { serverUrl, password }: Config['bluebubbles'],
  echoes: Echoes
): Promise<void> {
  if (serverUrl === undefined || password === undefined) {
    throw new DeliveryError('bluebubbles.server_url or bluebubbles.password is no longer set', { retryable: false })
  }
  echoes.remember(conversation, text)
  const body = JSON.stringify({ chatGuid: conversation, tempGuid: id, message: text, method: 'apple-script' })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal }
  const sent = await exchange(api(serverUrl, 'message/text', password), init, { once: true })
  accepted(sent, { once: sent.status !== 503 })
}

/** Messages of others after that time, oldest first. Those of the same millisecond were taken. */
async function missed(serverUrl: string, password: string, after: number): Promise<Incoming[]> {
  const { status, json } = await exchange(api(serverUrl, 'message/query', password), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ after, limit: CATCH_UP, sort: 'ASC', with: ['chat', 'handle', 'attachment'] }),
    signal: AbortSignal.timeout(30_000)
  })
  const { data } = (json ?? {}) as { data?: unknown }
  if (status !== 200 || !Array.isArray(data)) throw new Error(`the server answered ${status}`)
  return data.flatMap((message) => messageOf(message) ?? []).filter(({ at }) => at === undefined || at > after)
}

async function attachmentOf({ guid, filename, mimeType, size }: IncomingFile, { serverUrl, password }: Config['bluebubbles']) {
  if (serverUrl === undefined || password === undefined) return { filename, lost: 'it could not be fetched' }
  const url = api(serverUrl, `attachment/${encodeURIComponent(guid)}/download`, password)
  return await fetchFile({ url, filename, mimeType, size })
}

/** The server takes its password in the query only. */
function api(serverUrl: string, path: string, password: string): string {
  return `${serverUrl.replace(/\/+$/, '')}/api/v1/${path}?password=${encodeURIComponent(password)}`
}
