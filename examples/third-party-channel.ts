// A channel of your own: a platform that posts messages, with a secret in a header, and takes answers at a URL.
import Fastify from 'fastify'
import gateway from 'flynn-gateway'
import { DeliveryError, inbound, Refusal, sameSecret } from 'flynn-gateway/channels'
import { gatewayPlugin } from 'flynn-gateway/types'

interface Shout {
  id: string
  room: string
  author: string
  text: string
}

export const shoutbox = gatewayPlugin<{ secret: string; url: string }>(
  { name: 'shoutbox', dependencies: ['channels'] },
  async (app, { secret, url }) => {
    app.channels.add({
      name: 'shoutbox',
      limit: 500,
      async deliver({ conversation: room, text, id, signal }) {
        const body = JSON.stringify({ room, text, id })
        const { ok, status } = await fetch(url, { method: 'POST', body, signal, redirect: 'error' })
        if (!ok) throw new DeliveryError(`the shoutbox answered ${status}`, { retryable: status === 429 || status >= 500 })
      }
    })

    await inbound(app, {
      url: '/shoutbox/events',
      maxBytes: 16 * 1024,
      missing: () => (secret === '' ? ['SHOUTBOX_SECRET'] : []),
      precheck({ headers }) {
        if (!sameSecret(String(headers['x-shoutbox-secret']), secret)) throw new Refusal(401, 'the secret is wrong')
      },
      async handle({ body }) {
        const { id, room, author, text } = JSON.parse(body.toString()) as Shout
        // Stored once this resolves: the platform may forget the message. A repeated message starts nothing.
        await app.channels.receive('shoutbox', { conversation: room, senderId: author, messageId: id, text })
        return { status: 200 }
      }
    })
  }
)

const { PORT = '18800', SHOUTBOX_SECRET: secret = '', SHOUTBOX_URL: url = 'http://127.0.0.1:8080' } = process.env
const app = Fastify({ logger: true })
await app.register(gateway, {
  plugins: [[shoutbox, { secret, url }]],
  // All members of the shoutbox may talk to the agent, as guests. Without this each of them needs a pairing code.
  config: { pairing: { channels: { shoutbox: 'open' } } }
})
await app.listen({ port: Number(PORT) })
