import { isIP } from 'node:net'
import type { Agent } from 'undici'
import { type GatewayInstance, gatewayPlugin } from '../../define.ts'
import type { Delivery, Receipt } from '../define.ts'
import { DeliveryError } from '../define.ts'
import { accepted, exchange, forFetch, publicAgent } from '../http.ts'
import { type Answer, type InboundRequest, inbound, Refusal } from '../inbound.ts'
import { contentOf, fill } from './content.ts'
import { deliveryKeys, secretsOf, signStandard, verify, type Webhook } from './signatures.ts'

const NAME = 'webhook'
const URL_TO = /^https?:/
/** An answer goes out in one piece. */
const MAX_ANSWER = 1024 * 1024
/** Remembered deliveries of one webhook whose signature has no timestamp, two keys each. */
const MAX_DELIVERIES = 100_000
/** Headers of web pages and of proxies. A program on this machine that calls the gateway itself sends none of them. */
const FOREIGN =
  /^(origin|sec-fetch-site|forwarded|via|x-forwarded.*|x-real-ip|x-client-ip|x-cluster-client-ip|x-original-.*|true-client-ip|cf-.*|fly-client-ip|fastly-client-ip|tailscale-.*)$/
const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i

type Taken = Extract<Receipt, { messageId: string }>

/** `POST /webhooks/:name` for each `webhooks.<name>`, and the answers that are delivered to a URL. */
export default gatewayPlugin({ name: 'webhooks', dependencies: ['config', 'db', 'lanes', 'channels'] }, async (app) => {
  app.channels.add({ name: NAME, limit: MAX_ANSWER, deliver: (delivery) => deliver(app, delivery) })
  await inbound(app, {
    url: '/webhooks/:name',
    missing: () => (Object.keys(app.config.webhooks).length > 0 ? [] : ['webhooks.<name>.secret']),
    precheck: ({ params, headers }) => checkLocal(hookOf(app, params.name), headers),
    handle: (request) => receive(app, request)
  })
  // Later than the channels of third parties.
  app.addHook('onReady', async () => {
    for (const [name, hook] of Object.entries(app.config.webhooks)) {
      for (const text of doubts(hook, (channel) => app.channels.get(channel) !== undefined)) app.log.warn({ webhook: name }, text)
    }
  })
})

/** Warnings about a webhook that may not be meant as it is configured. */
function doubts(hook: Webhook, isChannel: (name: string) => boolean): string[] {
  const { allowUnsigned, deliverTo } = hook
  const unsigned = allowUnsigned
    ? 'a webhook without secret takes requests of every local program'
    : 'a webhook without secret is off'
  const channel = deliverTo === undefined || URL_TO.test(deliverTo) ? undefined : placeOf(deliverTo).channel
  return [
    ...(secretsOf(hook).length === 0 ? [unsigned] : []),
    ...(channel !== undefined && !isChannel(channel) ? [`answers of a webhook are dropped: unknown channel ${channel}`] : [])
  ]
}

function hookOf(app: GatewayInstance, name = ''): Webhook | undefined {
  const { webhooks } = app.config
  return Object.hasOwn(webhooks, name) ? webhooks[name] : undefined
}

/**
 * Lets only programs of this machine use a webhook without secret. A web page can post to a loopback address as well, under a name that its
 * owner points there, and a proxy passes on requests of everyone.
 * @throws Refusal 403
 */
function checkLocal(hook: Webhook | undefined, headers: InboundRequest['headers']): void {
  if (!hook?.allowUnsigned || secretsOf(hook).length > 0) return
  const foreign = Object.keys(headers).find((name) => FOREIGN.test(name))
  if (foreign !== undefined) throw new Refusal(403, `a webhook without secret takes no request with the header ${foreign}`)
  if (!LOCAL_HOST.test(headers.host ?? ''))
    throw new Refusal(403, 'a webhook without secret takes requests to a loopback address only')
}

async function receive(app: GatewayInstance, request: InboundRequest): Promise<Answer> {
  const { params, headers, body } = request
  const name = params.name ?? ''
  const hook = hookOf(app, name)
  // An unknown name and a wrong signature get the same answer: names must not be found out by trying.
  if (hook === undefined) throw new Refusal(401, 'unknown webhook')
  const secrets = secretsOf(hook)
  if (secrets.length === 0 && !hook.allowUnsigned) throw new Refusal(503, `webhooks.${name} has no secret`)
  const signed = { headers, body, now: Date.now() }
  verify(hook, signed)
  const content = await contentOf(headers['content-type'], body)
  const early = greeting(hook, headers, content)
  if (early) return early

  const values = { name, body: content, headers, query: Object.fromEntries(request.query) }
  const session = fill(hook.session ?? `${NAME}:${name}`, values)
  const colon = session.indexOf(':')
  if (colon < 1) throw new Refusal(400, `webhooks.${name}.session makes no session id of this request`)
  const { keys, lasting } = deliveryKeys(hook, signed, content)
  const take = () =>
    app.channels.receive(NAME, {
      conversation: session.slice(colon + 1),
      sessionId: session,
      senderId: name,
      messageId: keys[0]!,
      text: hook.template === undefined ? whole(content) : fill(hook.template, values),
      // The operator has named it. Without a secret, any local program may have sent the request.
      access: secrets.length > 0 ? 'owner' : 'guest',
      commands: false,
      replyTo: replyTo(name, hook, session)
    })
  if (!lasting) return answerOf(await take())
  // One after the other: two requests with one key between them must not both be new.
  return await app.lanes.order.run(`${NAME}:${name}:deliveries`, async () => {
    const source = `${NAME}:${name}`
    const known = await app.db.deliveries.find(source, keys)
    if (known !== undefined) return answerOf({ state: 'duplicate', sessionId: session, messageId: known })
    const receipt = await take()
    if ('messageId' in receipt)
      await app.db.deliveries.add({ source, keys, messageId: receipt.messageId, now: signed.now }, MAX_DELIVERIES)
    return answerOf(receipt)
  })
}

function answerOf(receipt: Receipt | Omit<Taken, 'ended'>): Answer {
  if (receipt.state === 'refused') throw new Refusal(400, receipt.reason)
  if (receipt.state === 'stranger') throw new Refusal(403, 'the webhook is not paired')
  const { sessionId, messageId, state } = receipt
  return {
    status: 202,
    body: { accepted: true, sessionId, runId: messageId, ...(state === 'duplicate' ? { duplicate: true } : {}) }
  }
}

/** Answer to the questions of platforms before their first delivery. */
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
  if (hook?.deliverTo === undefined) throw new DeliveryError('the webhook has no deliver_to any longer', { retryable: false })
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

/** Connects to public addresses, and to a private one that the configuration holds as an address: its owner can point a name anywhere. */
async function reaching({ hostname }: URL, signal: AbortSignal): Promise<Agent> {
  const isWritten = hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  return await publicAgent(
    { allowHosts: isWritten ? [hostname] : [], hint: '; deliver_to reaches this network by IP address only' },
    signal
  )
}

function whole(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content, null, 2)
}
