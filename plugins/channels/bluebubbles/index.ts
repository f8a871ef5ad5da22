import { systemClock } from '../../../lanes/clock.ts'
import { parseJson } from '../../../rpc/json.ts'
import type { Config } from '../../config/index.ts'
import { gatewayPlugin } from '../../define.ts'
import { type Delivery, DeliveryError } from '../define.ts'
import { accepted, exchange } from '../http.ts'
import { type InboundRequest, inbound, Refusal, sameSecret } from '../inbound.ts'
import { Debounce } from './debounce.ts'
import { type Incoming, incomingOf, messageOf } from './event.ts'

const NAME = 'bluebubbles'
const LIMIT = 4000
/** What happened while the gateway was away, at most so long ago and so many. */
const CATCH_UP_MS = 24 * 60 * 60_000
const CATCH_UP = 1000
/** Epoch milliseconds of the newest message that was taken. */
const CURSOR = 'bluebubbles.last-message-at'

/** `POST /bluebubbles/events`: messages of a BlueBubbles server, and answers through it. */
export default gatewayPlugin({ name: 'bluebubbles', dependencies: ['config', 'db', 'channels'] }, async (app) => {
  const settings = () => app.config.bluebubbles
  const take = async (messages: readonly Incoming[]): Promise<void> => {
    const [first] = messages
    const { guid, chat, sender } = first!
    const text = messages.map(({ text }) => text).join('\n')
    await app.channels.receive(NAME, { conversation: chat, senderId: sender, messageId: guid, text })
    const newest = Math.max(...messages.map(({ at = 0 }) => at))
    if (newest > Number((await app.db.cursors.get(CURSOR)) ?? 0)) await app.db.cursors.put(CURSOR, String(newest))
  }
  const debounce = new Debounce(systemClock, take)

  app.channels.add({ name: NAME, limit: LIMIT, deliver: (delivery) => deliver(delivery, settings()) })
  await inbound(app, {
    url: '/bluebubbles/events',
    missing: () =>
      (['token', 'serverUrl', 'password'] as const).flatMap((key) => (settings()[key] === undefined ? [KEYS[key]] : [])),
    precheck: (request) => checkToken(request, settings().token!),
    async handle({ body, log }) {
      const message = incomingOf(parseJson(body.toString()))
      // Not waited for: what the end of the process takes with it is among what is caught up with.
      if (message)
        debounce.add(message, settings().debounceMs).catch((err) => log.error({ err }, 'BlueBubbles: a message was not taken'))
      return { status: 200, body: { ok: true } }
    }
  })

  // Its server sends each event once, whether anybody is there or not.
  app.addHook('onListen', async () => {
    const { serverUrl, password } = settings()
    if (serverUrl === undefined || password === undefined) return
    const known = await app.db.cursors.get(CURSOR)
    // From now on nothing is missed, although the clock of the Mac may be a little behind.
    if (known === undefined) return await app.db.cursors.put(CURSOR, String(Date.now() - 60_000))
    missed(serverUrl, password, Math.max(Number(known), Date.now() - CATCH_UP_MS))
      .then(async (messages) => {
        for (const message of messages) await take([message])
        if (messages.length > 0) app.log.info({ messages: messages.length }, 'BlueBubbles: caught up with what came meanwhile')
      })
      .catch((err) => app.log.warn({ reason: (err as Error).message }, 'BlueBubbles: what came meanwhile is not known'))
  })
})

const KEYS = { token: 'bluebubbles.token', serverUrl: 'bluebubbles.server_url', password: 'bluebubbles.password' } as const

/** The server signs nothing: what it knows is the URL that it was given. */
function checkToken({ headers, query }: Omit<InboundRequest, 'body'>, token: string): void {
  const header = headers['x-bluebubbles-token']
  const given = typeof header === 'string' ? header : (query.get('token') ?? query.get('password') ?? query.get('guid'))
  if (given === null || !sameSecret(given, token)) throw new Refusal(401, 'the token is missing or wrong')
}

/** It answers only once the message is in the database of the Mac, and may have sent it when it does not. */
async function deliver(
  { conversation, text, id, signal }: Delivery,
  { serverUrl, password }: Config['bluebubbles']
): Promise<void> {
  if (serverUrl === undefined || password === undefined) {
    throw new DeliveryError('bluebubbles.server_url or bluebubbles.password is not set any more', { retryable: false })
  }
  const body = JSON.stringify({ chatGuid: conversation, tempGuid: id, message: text, method: 'apple-script' })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal }
  const sent = await exchange(api(serverUrl, 'message/text', password), init, { once: true })
  accepted(sent, { once: sent.status !== 503 })
}

/** Messages of others after that time, oldest first; those of that very moment were taken. */
async function missed(serverUrl: string, password: string, after: number): Promise<Incoming[]> {
  const { status, json } = await exchange(api(serverUrl, 'message/query', password), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ after, limit: CATCH_UP, sort: 'ASC', with: ['chat', 'handle'] }),
    signal: AbortSignal.timeout(30_000)
  })
  const { data } = (json ?? {}) as { data?: unknown }
  if (status !== 200 || !Array.isArray(data)) throw new Error(`the server answered ${status}`)
  return data.flatMap((message) => messageOf(message) ?? []).filter(({ at }) => at === undefined || at > after)
}

/** The query is the only place where the server looks for its password. */
function api(serverUrl: string, path: string, password: string): string {
  return `${serverUrl.replace(/\/+$/, '')}/api/v1/${path}?password=${encodeURIComponent(password)}`
}
