import { Alarm, systemClock } from '../../../lanes/clock.ts'
import { gatewayPlugin } from '../../define.ts'
import { AccessToken, grant } from '../access.ts'
import { DeliveryError } from '../define.ts'
import { parseEvent } from '../event.ts'
import { inbound, Refusal } from '../inbound.ts'
import type { MailContext } from './mail.ts'
import { Mailbox } from './mailbox.ts'
import { envelopeOf, PushVerifier, pushedIn } from './push.ts'

const NAME = 'gmail'
/** An answer is one mail. */
const LIMIT = 1024 * 1024
/** Google drops pushes when there are many, so the mailbox is read without one as well. */
const LOOK_EVERY_MS = 15 * 60_000

const KEYS = {
  account: 'gmail.account',
  topic: 'gmail.topic',
  subscription: 'gmail.subscription',
  clientId: 'gmail.client_id',
  clientSecret: 'gmail.client_secret',
  refreshToken: 'gmail.refresh_token'
} as const

/** `POST /gmail/push`: pushes for new mail, which is then read, and answers in its thread. */
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
    async take({ id, thread, from, fromName, text, files, context }) {
      await app.channels.receive(NAME, {
        conversation: thread,
        senderId: from,
        senderName: fromName,
        messageId: id,
        text,
        attachments: () => Promise.all(files.map((file) => mailbox.file(id, file))),
        // The owner of the mailbox is the operator's own.
        access: from === settings().account?.toLowerCase() ? 'owner' : undefined,
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
    // Addresses are easy to find: a hint to every stranger would be spam.
    pairing: 'allowlist',
    async deliver({ context, text, signal }) {
      if (!context) throw new DeliveryError('the mail that is answered is not known', { retryable: false })
      await mailbox.answer(context as MailContext, text, signal)
    }
  })
  await inbound(app, {
    url: '/gmail/push',
    missing,
    precheck: (request) => verifier.precheck(request),
    async handle({ headers, query, body, log }) {
      await verifier.verify({ headers, query })
      const envelope = envelopeOf(parseEvent(body))
      // The token does not cover the body.
      if (envelope.subscription !== settings().subscription) throw new Refusal(403, 'the push is of another subscription')
      const pushed = pushedIn(envelope)
      // Pub/Sub repeats everything that is not answered with success, for days.
      if (!pushed || pushed.account.toLowerCase() !== settings().account?.toLowerCase()) {
        log.warn({ route: '/gmail/push' }, 'a push for another mailbox, or without position, was dropped')
      } else if (await mailbox.isNews(pushed.historyId)) void mailbox.sync()
      return { status: 204 }
    }
  })

  // A reload may configure it while the gateway runs.
  const look = (): void => {
    if (missing().length === 0) void mailbox.keepUp()
    again.set(LOOK_EVERY_MS, look)
  }
  const again = new Alarm(systemClock)
  app.addHook('onListen', async () => look())
  app.addHook('onClose', async () => again.clear())
})
