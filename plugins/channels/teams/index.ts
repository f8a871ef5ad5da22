import { systemClock } from '../../../lanes/clock.ts'
import { gatewayPlugin } from '../../define.ts'
import { AccessToken, grant, type Token } from '../access.ts'
import { type Delivery, DeliveryError } from '../define.ts'
import { parseEvent, textIn } from '../event.ts'
import { accepted, exchange, fetchFile, forFetch, publicAgent } from '../http.ts'
import { type Answer, inbound, Refusal } from '../inbound.ts'
import { Typing } from '../typing.ts'
import { type Activity, activityOf, extrasOf, isAddressed, isGroup, isOfPerson, type TeamsFile, textOf } from './activity.ts'
import { isService, TeamsVerifier } from './verify.ts'

const NAME = 'teams'
/** Characters of one message. The body with its other members may have 28 KB, and a character three bytes. */
const LIMIT = 8000
/** Teams shows a typing indicator for a few seconds. */
const TYPING_MS = 3000
const FILE_TIMEOUT_MS = 30_000
const SCOPE = 'https://api.botframework.com/.default'
const ALL_TENANTS = 'botframework.com'

/** Data of an activity that its answer needs. */
interface Context {
  readonly serviceUrl: string
  readonly activityId: string | undefined
  readonly bot: Activity['recipient']
  readonly person: Activity['from']
}

/** `POST /teams/events`: activities of the Bot Framework, and answers to the service that they came from. */
export default gatewayPlugin({ name: 'teams', dependencies: ['config', 'channels'] }, async (app) => {
  const settings = () => app.config.teams
  const verifier = new TeamsVerifier(settings)
  const token = new AccessToken({
    settings,
    clock: systemClock,
    async request({ appId = '', appPassword = '', tenantId, loginUrl }, signal) {
      const form = { grant_type: 'client_credentials', client_id: appId, client_secret: appPassword, scope: SCOPE }
      return await grant(`${loginUrl}/${tenantId ?? ALL_TENANTS}/oauth2/v2.0/token`, form, signal)
    }
  })
  const send = (activity: Outgoing, signal: AbortSignal) => post(activity, { signal, token, hosts: settings().serviceHosts })
  const typing = new Typing({ clock: systemClock, everyMs: TYPING_MS })

  app.channels.add({
    name: NAME,
    limit: LIMIT,
    async deliver({ conversation, context, text, signal }) {
      await send({ conversation, context, say: { type: 'message', text, textFormat: 'markdown' } }, signal)
    }
  })
  app.addHook('onClose', async () => typing.close())
  await inbound(app, {
    url: '/teams/events',
    missing: () => {
      const { appId, appPassword } = settings()
      return [...(appId === undefined ? ['teams.app_id'] : []), ...(appPassword === undefined ? ['teams.app_password'] : [])]
    },
    precheck({ headers }) {
      if (headers.authorization === undefined) throw new Refusal(401, 'the token is missing')
    },
    async handle({ headers, body }): Promise<Answer> {
      const signed = await verifier.verify(headers.authorization)
      const activity = activityOf(parseEvent(body))
      verifier.check(activity, signed)
      // The platform waits for a result, and this gateway has none.
      if (activity.type === 'invoke') return { status: 501 }
      const { id, from, conversation } = activity
      if (activity.type !== 'message' || !isOfPerson(activity) || !from || !conversation || id === undefined)
        return { status: 200 }
      const group = isGroup(activity)
      if (group && settings().groups === 'addressed' && !isAddressed(activity)) return { status: 200 }
      const { files, untaken, quote, forwardedFrom, forwarded } = extrasOf(activity)
      const context: Context = { serviceUrl: activity.serviceUrl!, activityId: id, bot: activity.recipient, person: from }
      const receipt = await app.channels.receive(NAME, {
        conversation: conversation.id,
        senderId: from.id,
        senderName: textIn(from.name),
        group,
        messageId: `${conversation.id}:${id}`,
        text: [textOf(activity), forwarded ?? ''].filter(Boolean).join('\n'),
        quote,
        forwardedFrom,
        attachments: () => Promise.all(files.map((file) => attachmentOf(file, token, settings().serviceHosts))),
        untaken,
        context
      })
      if (receipt.state === 'accepted') {
        const typed = { conversation: conversation.id, context, say: { type: 'typing' } }
        typing.until(receipt.ended, conversation.id, () => send(typed, AbortSignal.timeout(TYPING_MS)))
      }
      return { status: 200 }
    }
  })
})

/** Pictures lie at the service and need the bot's token; files lie elsewhere, at addresses that carry their own right to be read. */
async function attachmentOf({ url, filename, mimeType }: TeamsFile, token: Token, hosts: readonly string[]) {
  if (isService(url, hosts)) {
    const authorization = await token.get().then(
      (value) => `Bearer ${value}`,
      () => undefined
    )
    return await fetchFile({ url, filename, mimeType, headers: authorization === undefined ? {} : { authorization } })
  }
  const agent = await publicAgent({ allowHosts: [] }, AbortSignal.timeout(FILE_TIMEOUT_MS))
  try {
    return await fetchFile({ url, filename, mimeType, dispatcher: forFetch(agent) })
  } finally {
    await agent.destroy()
  }
}

/** An activity in a conversation that a person has begun. */
interface Outgoing extends Pick<Delivery, 'conversation' | 'context'> {
  readonly say: object
}

/** Sends an activity. Teams takes a repetition for a second message: only one that has certainly not arrived is sent again. */
async function post(
  { conversation, context, say }: Outgoing,
  { signal, token, hosts }: { signal: AbortSignal; token: Token; hosts: readonly string[] }
): Promise<void> {
  const { serviceUrl, activityId, bot, person } = (context ?? {}) as Partial<Context>
  // Checked again: the token goes there, and the hosts may have changed since.
  if (serviceUrl === undefined || !isService(serviceUrl, hosts)) {
    throw new DeliveryError('the service of the conversation is not known, or none of teams.service_hosts', { retryable: false })
  }
  const path = `v3/conversations/${encodeURIComponent(conversation)}/activities`
  const url = `${serviceUrl.replace(/\/+$/, '')}/${path}${activityId === undefined ? '' : `/${encodeURIComponent(activityId)}`}`
  const answer = {
    ...say,
    from: bot,
    recipient: person,
    conversation: { id: conversation },
    ...(activityId === undefined ? {} : { replyToId: activityId })
  }
  const authorization = `Bearer ${await token.get()}`
  const headers = { authorization, 'content-type': 'application/json' }
  const sent = await exchange(url, { method: 'POST', headers, body: JSON.stringify(answer), signal }, { once: true })
  if (sent.status === 401) {
    token.forget()
    throw new DeliveryError('the platform refused the access token', { retryable: true })
  }
  accepted(sent, { once: true })
}
