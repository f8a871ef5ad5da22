import { Alarm, systemClock } from '../../../lanes/clock.ts'
import { parseJson } from '../../../rpc/json.ts'
import { gatewayPlugin } from '../../define.ts'
import { AccessToken, grant } from '../access.ts'
import { DeliveryError } from '../define.ts'
import { inbound, Refusal } from '../inbound.ts'
import type { MailContext } from './mail.ts'
import { Mailbox } from './mailbox.ts'
import { envelopeOf, PushVerifier, pushedIn } from './push.ts'

const NAME = 'gmail'
/** An answer is one mail. */
const LIMIT = 1024 * 1024
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
  const token = new AccessToken({
    settings,
    clock: systemClock,
    async request({ clientId = '', clientSecret = '', refreshToken = '', tokenUrl }, signal) {
      const form = { grant_type: 'refresh_token', client_id: clientId, client_secret: clientSecret, refresh_token: refreshToken }
      return await grant(tokenUrl, form, signal)
    }
  })
  const mailbox = new Mailbox({
    settings,
    token,
    cursors: app.db.cursors,
    clock: systemClock,
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
    precheck: (request) => verifier.precheck(request),
    async handle({ headers, query, body, log }) {
      await verifier.verify({ headers, query })
      const envelope = envelopeOf(parseJson(body.toString()))
      // The token says nothing of the body.
      if (envelope.subscription !== settings().subscription) throw new Refusal(403, 'of another subscription')
      const pushed = pushedIn(envelope)
      // Anything but a success has Pub/Sub send the same again, for days.
      if (!pushed || pushed.account.toLowerCase() !== settings().account?.toLowerCase()) {
        log.warn({ route: '/gmail/push' }, 'a push says nothing of the mailbox, and is dropped')
      } else if (await mailbox.isNews(pushed.historyId)) void mailbox.sync()
      return { status: 204 }
    }
  })

  // It may be configured later, while the gateway runs.
  const look = (): void => {
    if (missing().length === 0) void mailbox.keepUp()
    again.set(LOOK_EVERY_MS, look)
  }
  const again = new Alarm(systemClock)
  app.addHook('onListen', async () => look())
  app.addHook('onClose', async () => again.clear())
})
