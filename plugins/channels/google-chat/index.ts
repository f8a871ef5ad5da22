import { v5 as uuid } from 'uuid'
import { systemClock } from '../../../lanes/clock.ts'
import type { Config } from '../../config/index.ts'
import { gatewayPlugin } from '../../define.ts'
import { AccessToken, grant, serviceAccountForm, type Token } from '../access.ts'
import { type Delivery, DeliveryError } from '../define.ts'
import { parseEvent } from '../event.ts'
import { accepted, exchange, fetchFile } from '../http.ts'
import { inbound, Refusal } from '../inbound.ts'
import { type ChatFile, eventOf, saidIn } from './event.ts'
import { ChatVerifier } from './verify.ts'

const NAME = 'google-chat'
const LIMIT = 4000
/** Bytes of a body that is read before its sender is verified. */
const MAX_UNSIGNED = 16 * 1024
const SCOPE = 'https://www.googleapis.com/auth/chat.bot'

/** `POST /google-chat/events`: events of Google Chat, and answers in the thread that they came from. */
export default gatewayPlugin({ name: 'google-chat', dependencies: ['config', 'channels'] }, async (app) => {
  const settings = () => app.config.googleChat
  const verifier = new ChatVerifier(settings)
  const token = new AccessToken({
    settings,
    clock: systemClock,
    async request({ clientEmail = '', privateKey = '', tokenUrl }, signal) {
      const account = { clientEmail, privateKey }
      return await grant(tokenUrl, await serviceAccountForm(account, { tokenUrl, scope: SCOPE, now: Date.now() }), signal)
    }
  })

  app.channels.add({ name: NAME, limit: LIMIT, deliver: (delivery) => deliver(delivery, settings(), token) })
  await inbound(app, {
    url: '/google-chat/events',
    missing: () => {
      const { audience, verificationToken, clientEmail, privateKey } = settings()
      const verified = audience !== undefined || verificationToken !== undefined
      return [
        ...(verified ? [] : ['google_chat.audience']),
        ...(clientEmail === undefined ? ['google_chat.client_email'] : []),
        ...(privateKey === undefined ? ['google_chat.private_key'] : [])
      ]
    },
    precheck({ headers }) {
      const inBody = settings().audience === undefined || headers.authorization === undefined
      if (inBody && !(Number(headers['content-length']) <= MAX_UNSIGNED)) {
        throw new Refusal(413, 'without a token in the header only a small body is read')
      }
    },
    async handle({ headers, body }) {
      const event = eventOf(await verifier.verify(headers.authorization, () => parseEvent(body)))
      if (event === undefined) throw new Refusal(400, 'no event of Google Chat')
      const said = saidIn(event)
      if (said && (!said.group || said.addressed || settings().groups === 'all')) {
        const { id, space, thread, sender, senderName, group, text, quote, files, untaken } = said
        await app.channels.receive(NAME, {
          conversation: space,
          senderId: sender,
          senderName,
          group,
          messageId: id,
          text,
          quote,
          attachments: () => Promise.all(files.map((file) => attachmentOf(file, settings(), token))),
          untaken,
          ...(thread === undefined ? {} : { context: { thread } })
        })
      }
      // Chat shows a body as the answer, and an empty one as a failure.
      return { status: 200, body: {} }
    }
  })
})

/** Uploaded files come from the media API. Those in Google Drive belong to people, and an app cannot read them. */
async function attachmentOf({ filename, mimeType, resource }: ChatFile, { apiUrl }: Config['googleChat'], token: Token) {
  if (resource === undefined) return { filename, lost: 'it is in Google Drive' }
  const authorization = await token.get().then(
    (value) => `Bearer ${value}`,
    () => undefined
  )
  if (authorization === undefined) return { filename, lost: 'it could not be fetched' }
  const path = resource.split('/').map(encodeURIComponent).join('/')
  return await fetchFile({ url: `${apiUrl}/v1/media/${path}?alt=media`, filename, mimeType, headers: { authorization } })
}

/** Sends a message. Its request id makes repetitions one message. */
async function deliver(
  { conversation, context, text, id, signal }: Delivery,
  { apiUrl }: Config['googleChat'],
  token: Token
): Promise<void> {
  const { thread } = (context ?? {}) as { thread?: string }
  if (!/^spaces\/[\w-]+$/.test(conversation)) throw new DeliveryError('the conversation is no space', { retryable: false })
  const query = new URLSearchParams({
    requestId: uuid(`${conversation} ${id}`, uuid.URL),
    messageReplyOption: 'REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD'
  })
  const headers = { authorization: `Bearer ${await token.get()}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ text, ...(thread === undefined ? {} : { thread: { name: thread } }) })
  const sent = await exchange(`${apiUrl}/v1/${conversation}/messages?${query}`, { method: 'POST', headers, body, signal })
  if (sent.status === 401) {
    token.forget()
    throw new DeliveryError('the platform refused the access token', { retryable: true })
  }
  accepted(sent)
}
