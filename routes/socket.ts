import { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import helmet from '@fastify/helmet'
import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'
import { CLOSE } from '../rpc/connection.ts'
import type { RouteSchema } from '../rpc/documents/described.ts'
import { errorFrame } from '../rpc/frames.ts'
import { printable } from '../security/sanitize.ts'
import { dashboardRoutes } from './dashboard.ts'
import { buildOf, pageFiles, sendFile } from './page.ts'

const PUBLIC = fileURLToPath(new URL('./public/', import.meta.resolve('#package.json')))

/** Not in the documents of a host either. */
const HIDDEN: RouteSchema = { hide: true }

const ROOT: RouteSchema = {
  summary: 'The page; for those who upgrade, the socket of the protocol',
  description: 'The protocol of the socket is in `/asyncapi.json`.',
  tags: ['page'],
  response: {
    101: Type.Null({ description: 'The socket is open' }),
    200: { description: 'The page', content: { 'text/html': { schema: Type.String() } } }
  }
}

/** `GET /`: the socket of the protocol for those who upgrade, the page for everybody else; its files beside it. */
export default gatewayPlugin({ name: 'socket', dependencies: ['connections', 'lanes'], share: false }, async (app) => {
  await app.register(helmet, {
    global: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        formAction: ["'self'"]
      }
    },
    // The host, or the proxy before it, knows whether there is TLS.
    hsts: false
  })
  // Not on upgrades: a socket would keep these headers in memory while it lives.
  app.addHook('onRequest', async (request, reply) => {
    if (!request.ws) await reply.helmet()
  })
  // The page's files hold no secrets, and the page must load before it can ask for a token.
  app.addHook('onRoute', (route) => {
    route.config = { auth: 'none', ...route.config }
  })
  const page = pageFiles(PUBLIC)

  // Registered last, so that it runs last: by now the lanes refuse new work. What runs has its grace and tells its
  // outcome before its client is sent away. Not awaited: Fastify waits for open sockets by itself, and a `preClose` hook
  // stands under `pluginTimeout`.
  app.addHook('preClose', async () => {
    void app.lanes
      .close(app.config.server.shutdownGraceSeconds * 1000)
      .then(() => app.connections.closeAll(CLOSE.goingAway, 'the gateway is shutting down'))
  })

  app.route({
    method: 'GET',
    url: '/',
    config: { auth: 'socket' },
    schema: ROOT,
    handler(request, reply) {
      const [path, query] = request.url.split('?', 2)
      // Without its slash the page's own files would be looked for one level up. Relative: a proxy may have removed a prefix.
      if (!path!.endsWith('/')) return reply.redirect(`${path!.split('/').at(-1)}/${query ? `?${query}` : ''}`)
      return sendFile(request, reply, page.get('index.html')!)
    },
    wsHandler(socket, request) {
      const outcome = app.auth.of(request)
      // An upgrade of `injectWS` has none, or the mere address that a test gives it.
      const stream = request.raw.socket instanceof Duplex ? request.raw.socket : undefined
      if ('caller' in outcome) {
        const userAgent = printable(request.headers['user-agent'] ?? '', 256)
        const origin = { address: printable(request.ip ?? '', 64), userAgent, login: outcome.login?.id }
        app.connections.accept(socket, stream, outcome.caller, origin)
        return
      }
      // A browser cannot see the status of a refused upgrade: a frame says why. Nothing is read from the socket.
      const { error } = outcome
      app.connections.refuse(
        socket,
        stream,
        CLOSE.unauthenticated,
        error.message.slice(0, 100),
        errorFrame('native', null, error)
      )
    }
  })

  for (const [name, file] of page) {
    app.get(`/${name}`, { schema: HIDDEN }, (request, reply) => sendFile(request, reply, file))
  }
  app.system.build = buildOf(dashboardRoutes(app))

  app.route({
    method: 'GET',
    url: '/*',
    schema: HIDDEN,
    handler: (_request, reply) => reply.callNotFound()
  })
})
