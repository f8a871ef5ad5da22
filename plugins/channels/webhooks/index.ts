import { isIP } from 'node:net'
import type { Agent } from 'undici'
import { parseJson } from '../../../rpc/json.ts'
import { publicConnector } from '../../../security/public-address.ts'
import { type GatewayInstance, gatewayPlugin } from '../../define.ts'
import type { Delivery } from '../define.ts'
import { DeliveryError } from '../define.ts'
import { accepted, exchange } from '../http.ts'
import { type Answer, type InboundRequest, inbound, Refusal } from '../inbound.ts'
import { deliveryId, secretsOf, signStandard, verify, type Webhook } from './signatures.ts'
import { fill } from './template.ts'

const NAME = 'webhook'
/** No platform sends more. */
const MAX_BYTES = 256 * 1024
const URL_TO = /^https?:/
/** An answer goes out in one piece. */
const MAX_ANSWER = 1024 * 1024

/** `POST /webhooks/:name` for each `webhooks.<name>`, and the answers that are delivered to a URL. */
export default gatewayPlugin({ name: 'webhooks', dependencies: ['config', 'channels'] }, async (app) => {
  app.channels.add({ name: NAME, limit: MAX_ANSWER, deliver: (delivery) => deliver(app, delivery) })
  await inbound(app, {
    url: '/webhooks/:name',
    maxBytes: MAX_BYTES,
    missing: () => (Object.keys(app.config.webhooks).length > 0 ? [] : ['webhooks.<name>.secret']),
    handle: (request) => receive(app, request)
  })
  // Once the channels of third parties are there as well.
  app.addHook('onReady', async () => {
    for (const [name, hook] of Object.entries(app.config.webhooks)) {
      for (const text of doubts(hook, (channel) => app.channels.get(channel) !== undefined)) app.log.warn({ webhook: name }, text)
    }
  })
})

/** What the operator may not have meant. */
function doubts(hook: Webhook, isChannel: (name: string) => boolean): string[] {
  const { allowUnsigned, deliverTo } = hook
  const unsigned = allowUnsigned ? 'a webhook takes what anybody sends: it has no secret' : 'a webhook is off: it has no secret'
  const channel = deliverTo === undefined || URL_TO.test(deliverTo) ? undefined : placeOf(deliverTo).channel
  return [
    ...(secretsOf(hook).length === 0 ? [unsigned] : []),
    ...(channel !== undefined && !isChannel(channel) ? [`answers of a webhook go nowhere: there is no channel ${channel}`] : [])
  ]
}

async function receive(app: GatewayInstance, request: InboundRequest): Promise<Answer> {
  const { params, headers, body } = request
  const name = params.name ?? ''
  const { webhooks } = app.config
  // A name that is not known and a signature that is wrong are told alike: nobody is to find out what there is.
  const hook = Object.hasOwn(webhooks, name) ? webhooks[name]! : undefined
  if (hook === undefined) throw new Refusal(401, 'there is no webhook of this name')
  if (secretsOf(hook).length === 0 && !hook.allowUnsigned) throw new Refusal(503, `webhooks.${name} has no secret`)
  const signed = { headers, body, now: Date.now() }
  verify(hook, signed)
  const content = contentOf(headers['content-type'], body)
  const early = greeting(hook, headers, content)
  if (early) return early

  const values = { name, body: content, headers, query: Object.fromEntries(request.query) }
  const session = fill(hook.session ?? `${NAME}:${name}`, values)
  const colon = session.indexOf(':')
  if (colon < 1) throw new Refusal(400, `webhooks.${name}.session makes no session id of this request`)
  const receipt = await app.channels.receive(NAME, {
    conversation: session.slice(colon + 1),
    sessionId: session,
    senderId: name,
    messageId: deliveryId(hook, signed, content),
    text: hook.template === undefined ? whole(content) : fill(hook.template, values),
    // The operator has named it, and given it a secret.
    known: true,
    replyTo: replyTo(name, hook, session)
  })
  if (receipt.state === 'refused') throw new Refusal(400, receipt.reason)
  if (receipt.state === 'stranger') throw new Refusal(403, 'the webhook has not been let in')
  const { sessionId, messageId, state } = receipt
  return {
    status: 202,
    body: { accepted: true, sessionId, runId: messageId, ...(state === 'duplicate' ? { duplicate: true } : {}) }
  }
}

/** What platforms ask before they send anything. */
function greeting({ signature }: Webhook, headers: InboundRequest['headers'], content: unknown): Answer | undefined {
  if (signature === 'github' && headers['x-github-event'] === 'ping') return { status: 200, body: { ok: true } }
  const { type, challenge } = (content ?? {}) as { type?: unknown; challenge?: unknown }
  if (signature !== 'slack' || type !== 'url_verification' || typeof challenge !== 'string') return undefined
  return { status: 200, body: { challenge } }
}

function replyTo(name: string, { deliverTo }: Webhook, session: string) {
  if (deliverTo === undefined) return false
  // Answers of one session keep their order; those of others do not wait for them.
  return URL_TO.test(deliverTo) ? { channel: NAME, conversation: session, context: { webhook: name } } : placeOf(deliverTo)
}

/** `telegram:123456`. */
function placeOf(deliverTo: string): { channel: string; conversation: string } {
  const colon = deliverTo.indexOf(':')
  return { channel: deliverTo.slice(0, colon), conversation: deliverTo.slice(colon + 1) }
}

/** Signed as Standard Webhooks says, with the first secret of the webhook. */
async function deliver(app: GatewayInstance, { context, text, id, signal }: Delivery): Promise<void> {
  const { webhook: name = '' } = (context ?? {}) as { webhook?: string }
  const hook = Object.hasOwn(app.config.webhooks, name) ? app.config.webhooks[name] : undefined
  const [secret] = hook ? secretsOf(hook) : []
  if (hook?.deliverTo === undefined) throw new DeliveryError('the webhook has no deliver_to any more', { retryable: false })
  const body = JSON.stringify({ webhook: name, content: text })
  const signature = secret === undefined ? {} : signStandard(secret, { id, timestamp: Math.floor(Date.now() / 1000), body })
  const dispatcher = await reaching(new URL(hook.deliverTo), signal)
  try {
    const headers = { 'content-type': 'application/json', ...signature }
    accepted(await exchange(hook.deliverTo, { method: 'POST', headers, body, signal, dispatcher: forFetch(dispatcher) }))
  } finally {
    await dispatcher.destroy()
  }
}

/** The fetch of Node is that of undici, under types of its own. */
function forFetch(agent: Agent): NonNullable<RequestInit['dispatcher']> {
  return agent as unknown as NonNullable<RequestInit['dispatcher']>
}

/** Public addresses, and the one that the operator has written down himself: a name is what its owner makes of it, each time anew. */
async function reaching({ hostname }: URL, signal: AbortSignal): Promise<Agent> {
  const isWritten = hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  const refused = (reason: string): Error =>
    new DeliveryError(`${reason}; one of this network is reached by deliver_to only as an IP address`, { retryable: false })
  const { Agent } = await import('undici')
  return new Agent({ connect: await publicConnector({ allowHosts: isWritten ? [hostname] : [], refused }, signal) })
}

/** A form becomes an object; GitHub's has its JSON in one field. */
function contentOf(type: string | undefined, body: Buffer): unknown {
  const text = body.toString()
  // Some senders, curl among them, call everything a form.
  const isForm = type?.toLowerCase().startsWith('application/x-www-form-urlencoded') && !/^\s*[{[]/.test(text)
  if (!isForm) return jsonOf(text)
  const form = Object.fromEntries(new URLSearchParams(text))
  return Object.keys(form).length === 1 && form.payload !== undefined ? jsonOf(form.payload) : form
}

function jsonOf(text: string): unknown {
  if (text.trim() === '') return {}
  return parseJson(text)
}

function whole(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content, null, 2)
}
