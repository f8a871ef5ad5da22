import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'
import { invalidParams } from '../rpc/errors.ts'
import { Failure } from '../rpc/schemas/failure.ts'

const MAX_BODY = 16 * 1024

const PublicKey = Type.Object({
  enabled: Type.Boolean(),
  configured: Type.Boolean({ description: 'A browser can subscribe' }),
  publicKey: Type.Union([Type.String(), Type.Null()], { description: 'The applicationServerKey, in base64url' })
})
const counted = { count: Type.Integer({ description: 'Of all callers' }), cap: Type.Integer() }
const Counted = Type.Object(counted)
const Registered = Type.Object({ ok: Type.Literal(true), ...counted })
const Tested = Type.Object({
  ok: Type.Literal(true),
  sent: Type.Integer({ description: 'Browsers whose push service took it' }),
  failed: Type.Array(Type.String(), { description: 'Reasons of the others' })
})
const Removed = Type.Object({ ok: Type.Literal(true), removed: Type.Boolean() })
const Endpoint = Type.Object({ endpoint: Type.Optional(Type.String()) })

/** `/webchat/push/…`: registration of browsers for push notifications. */
export default gatewayPlugin({ name: 'web-push-routes', dependencies: ['auth', 'web-push'], share: false }, async (app) => {
  app.get('/webchat/push/public-key', {
    config: { auth: 'http' },
    schema: { summary: 'Show the key with which browsers subscribe', response: { 200: PublicKey, '4xx': Failure } },
    handler: async () => await app.webPush.metadata()
  })

  app.get('/webchat/push/subscriptions', {
    config: { auth: 'http' },
    schema: { summary: 'Count the registered browsers', response: { 200: Counted, '4xx': Failure } },
    handler: async () => await app.webPush.counted()
  })

  app.post('/webchat/push/subscriptions', {
    bodyLimit: MAX_BODY,
    schema: {
      summary: 'Register a browser: PushSubscription.toJSON(), or {subscription, label?}',
      body: Type.Object({}),
      response: { 200: Registered, 201: Registered, '4xx': Failure, '5xx': Failure }
    },
    async handler(request, reply) {
      const { created, ...rest } = await app.webPush.subscribe(app.auth.require(request), request.body)
      return reply.code(created ? 201 : 200).send({ ok: true as const, ...rest })
    }
  })

  app.post('/webchat/push/test', {
    bodyLimit: MAX_BODY,
    schema: {
      summary: 'Send a test notification to your own browsers',
      response: { 200: Tested, '4xx': Failure, '5xx': Failure }
    },
    async handler(request) {
      const { sent, failed } = await app.webPush.test(app.auth.require(request))
      return { ok: true as const, sent, failed: [...failed] }
    }
  })

  app.delete('/webchat/push/subscriptions', {
    bodyLimit: MAX_BODY,
    schema: {
      summary: 'Remove a browser, by the endpoint of its subscription',
      body: Type.Union([Endpoint, Type.Null()], { expected: 'an object with the endpoint' }),
      querystring: Endpoint,
      response: { 200: Removed, '4xx': Failure }
    },
    async handler(request) {
      const endpoint = request.body?.endpoint ?? request.query.endpoint
      if (endpoint === undefined) throw invalidParams([{ path: 'body.endpoint', message: 'is required and must be a string' }])
      return { ok: true as const, removed: await app.webPush.unsubscribe(app.auth.require(request), endpoint) }
    }
  })
})
