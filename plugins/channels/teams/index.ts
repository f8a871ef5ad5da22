import { systemClock } from '../../../lanes/clock.ts'
import { parseJson } from '../../../rpc/json.ts'
import { gatewayPlugin } from '../../define.ts'
import { AccessToken, grant, type Token } from '../access.ts'
import { type Delivery, DeliveryError } from '../define.ts'
import { accepted, exchange } from '../http.ts'
import { type Answer, inbound, Refusal } from '../inbound.ts'
import { Typing } from '../typing.ts'
import { type Activity, activityOf, isOfPerson, textOf } from './activity.ts'
import { isService, TeamsVerifier } from './verify.ts'

const NAME = 'teams'
/** Characters of one message: the body, which says some more, may have 28 KB, and a character three bytes. */
const LIMIT = 8000
/** Teams shows for a few seconds that somebody is typing. */
const TYPING_MS = 3000
const SCOPE = 'https://api.botframework.com/.default'
const ALL_TENANTS = 'botframework.com'

/** What an answer needs of the activity that it answers. */
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
      if (headers.authorization === undefined) throw new Refusal(401, 'there is no token')
    },
    async handle({ headers, body }): Promise<Answer> {
      const signed = await verifier.verify(headers.authorization)
      const activity = activityOf(parseJson(body.toString()))
      verifier.check(activity, signed)
      // Wants a result of its kind, and there is none that this gateway could give.
      if (activity.type === 'invoke') return { status: 501 }
      const { id, from, conversation } = activity
      const text = textOf(activity)
      if (activity.type !== 'message' || !isOfPerson(activity) || !from || !conversation || id === undefined || text === '') {
        return { status: 200 }
      }
      const context: Context = { serviceUrl: activity.serviceUrl!, activityId: id, bot: activity.recipient, person: from }
      const receipt = await app.channels.receive(NAME, {
        conversation: conversation.id,
        senderId: from.id,
        senderName: from.name,
        messageId: `${conversation.id}:${id}`,
        text,
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

/** An activity in a conversation that somebody has begun. */
interface Outgoing extends Pick<Delivery, 'conversation' | 'context'> {
  readonly say: object
}

/** A second time is a second message there: only what was surely not taken is tried again. */
async function post(
  { conversation, context, say }: Outgoing,
  { signal, token, hosts }: { signal: AbortSignal; token: Token; hosts: readonly string[] }
): Promise<void> {
  const { serviceUrl, activityId, bot, person } = (context ?? {}) as Partial<Context>
  // Looked at again: the token goes there, and the hosts may have changed since.
  if (serviceUrl === undefined || !isService(serviceUrl, hosts)) {
    throw new DeliveryError('it is not known at which service of Teams the conversation is', { retryable: false })
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
    throw new DeliveryError('the platform did not take the token', { retryable: true })
  }
  accepted(sent, { once: true })
}
