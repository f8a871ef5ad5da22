import { systemClock } from '../../../lanes/clock.ts'
import { parseJson } from '../../../rpc/json.ts'
import { gatewayPlugin } from '../../../types.ts'
import { AccessToken, grant } from '../access.ts'
import { type Delivery, DeliveryError } from '../define.ts'
import { accepted, exchange } from '../http.ts'
import { type Answer, inbound, Refusal } from '../inbound.ts'
import { type Activity, activityOf, textOf } from './activity.ts'
import { isService, TeamsVerifier } from './verify.ts'

const NAME = 'teams'
/** Characters of one message: the body, which says some more, may have 28 KB, and a character three bytes. */
const LIMIT = 8000
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
  const token = new AccessToken(async (signal) => {
    const { appId = '', appPassword = '', tenantId, loginUrl } = settings()
    const form = { grant_type: 'client_credentials', client_id: appId, client_secret: appPassword, scope: SCOPE }
    return await grant(`${loginUrl}/${tenantId ?? ALL_TENANTS}/oauth2/v2.0/token`, form, signal)
  }, systemClock)

  app.channels.add({ name: NAME, limit: LIMIT, deliver: (delivery) => deliver(delivery, settings().serviceHosts, token) })
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
      const activity = activityOf(parseJson(body.toString()))
      await verifier.verify(headers.authorization, activity)
      // Wants a result of its kind, and there is none that this gateway could give.
      if (activity.type === 'invoke') return { status: 501 }
      const { id, from, conversation } = activity
      const text = textOf(activity)
      if (activity.type !== 'message' || !from || !conversation || id === undefined || text === '') return { status: 200 }
      const context: Context = { serviceUrl: activity.serviceUrl!, activityId: id, bot: activity.recipient, person: from }
      await app.channels.receive(NAME, {
        conversation: conversation.id,
        senderId: from.id,
        senderName: from.name,
        messageId: `${conversation.id}:${id}`,
        text,
        context
      })
      return { status: 200 }
    }
  })
})

/** A second time is a second message there: only what was surely not taken is tried again. */
async function deliver(
  { conversation, context, text, signal }: Delivery,
  hosts: readonly string[],
  token: AccessToken
): Promise<void> {
  const { serviceUrl, activityId, bot, person } = (context ?? {}) as Partial<Context>
  // Looked at again: the token goes there, and the hosts may have changed since.
  if (serviceUrl === undefined || !isService(serviceUrl, hosts)) {
    throw new DeliveryError('it is not known at which service of Teams the conversation is', { retryable: false })
  }
  const path = `v3/conversations/${encodeURIComponent(conversation)}/activities`
  const url = `${serviceUrl.replace(/\/+$/, '')}/${path}${activityId === undefined ? '' : `/${encodeURIComponent(activityId)}`}`
  const answer = {
    type: 'message',
    text,
    textFormat: 'markdown',
    from: bot,
    recipient: person,
    conversation: { id: conversation },
    ...(activityId === undefined ? {} : { replyToId: activityId })
  }
  const authorization = `Bearer ${await token.get()}`
  const headers = { authorization, 'content-type': 'application/json' }
  const sent = await exchange(url, { method: 'POST', headers, body: JSON.stringify(answer), signal }).catch((cause) => {
    throw new DeliveryError((cause as Error).message, { retryable: false, cause })
  })
  if (sent.status === 401) {
    token.forget()
    throw new DeliveryError('the platform did not take the token', { retryable: true })
  }
  accepted(sent, { once: true })
}
