import { systemClock } from '../../../lanes/clock.ts'
import { parseJson } from '../../../rpc/json.ts'
import { gatewayPlugin } from '../../../types.ts'
import { AccessToken, grant } from '../access.ts'
import { DeliveryError } from '../define.ts'
import { inbound } from '../inbound.ts'
import type { MailContext } from './mail.ts'
import { Mailbox } from './mailbox.ts'
import { envelopeOf, PushVerifier, pushedIn } from './push.ts'

const NAME = 'gmail'
/** An answer is one mail. */
const LIMIT = 1024 * 1024
/** A watch ends after seven days. */
const WATCH_EVERY_MS = 24 * 60 * 60_000
/** Notices are dropped when there are many: it is looked without one as well. */
const LOOK_EVERY_MS = 15 * 60_000

const KEYS = {
  account: 'gmail.account',
  topic: 'gmail.topic',
  subscription: 'gmail.subscription',
  clientId: 'gmail.client_id',
  clientSecret: 'gmail.client_secret',
  refreshToken: 'gmail.refresh_token'
} as const

/** `POST /gmail/push`: notices that there is new mail, which is then read; answers in its thread. */
export default gatewayPlugin({ name: 'gmail', dependencies: ['config', 'db', 'channels'] }, async (app) => {
  const settings = () => app.config.gmail
  const token = new AccessToken(async (signal) => {
    const { clientId = '', clientSecret = '', refreshToken = '', tokenUrl } = settings()
    const form = { grant_type: 'refresh_token', client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken }
    return await grant(tokenUrl, form, signal)
  }, systemClock)
  const mailbox = new Mailbox({
    settings,
    token,
    cursors: app.db.cursors,
    log: app.log,
    async take({ id, thread, from, fromName, text, context }) {
      await app.channels.receive(NAME, {
        conversation: thread,
        senderId: from,
        senderName: fromName,
        messageId: id,
        text,
        context
      })
    }
  })
  const verifier = new PushVerifier(settings)
  const missing = (): string[] => {
    const { audience, serviceAccount, pushToken } = settings()
    return [
      ...(Object.keys(KEYS) as (keyof typeof KEYS)[]).flatMap((key) => (settings()[key] === undefined ? [KEYS[key]] : [])),
      ...(audience === undefined && pushToken === undefined ? ['gmail.audience'] : []),
      ...(audience !== undefined && serviceAccount === undefined ? ['gmail.service_account'] : [])
    ]
  }

  app.channels.add({
    name: NAME,
    limit: LIMIT,
    async deliver({ context, text, signal }) {
      if (!context) throw new DeliveryError('it is not known which mail is answered', { retryable: false })
      await mailbox.answer(context as MailContext, text, signal)
    }
  })
  await inbound(app, {
    url: '/gmail/push',
    missing,
    async handle({ headers, query, body, log }) {
      const envelope = envelopeOf(parseJson(body.toString()))
      await verifier.verify({ headers, query }, envelope.subscription)
      const pushed = pushedIn(envelope)
      // Anything but a success has Pub/Sub send the same again, for days.
      if (!pushed || pushed.account.toLowerCase() !== settings().account?.toLowerCase()) {
        log.warn({ route: '/gmail/push' }, 'a push says nothing of the mailbox, and is dropped')
      } else if (await mailbox.isNews(pushed.historyId)) void mailbox.sync()
      return { status: 204 }
    }
  })

  const timers: NodeJS.Timeout[] = []
  const watch = (): void =>
    void mailbox
      .watch()
      .catch((cause) => app.log.error({ reason: (cause as Error).message }, 'Gmail: the mailbox does not tell of new mail'))
  app.addHook('onListen', async () => {
    if (missing().length > 0) return
    watch()
    void mailbox.sync()
    timers.push(setInterval(watch, WATCH_EVERY_MS).unref(), setInterval(() => void mailbox.sync(), LOOK_EVERY_MS).unref())
  })
  app.addHook('onClose', async () => {
    for (const timer of timers) clearInterval(timer)
  })
})
