import type { TSchema } from '@sinclair/typebox'
import type { FastifyError, FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { ConfigInput } from './plugins/config/index.ts'
import type { GatewayInstance } from './plugins/define.ts'
import * as plugins from './plugins/index.ts'
import type { OwnLog } from './plugins/observability/own-log.ts'
import attachmentRoutes from './routes/attachments.ts'
import canvasRoutes from './routes/canvas.ts'
import documentRoutes from './routes/documents.ts'
import health from './routes/health.ts'
import loginCode from './routes/login-code.ts'
import metricsRoute from './routes/metrics.ts'
import { nothingHere } from './routes/nothing.ts'
import session from './routes/session.ts'
import socket from './routes/socket.ts'
import webPushRoutes from './routes/web-push.ts'
import { invalidParams, RpcError, toRpcError } from './rpc/errors.ts'
import { compile } from './rpc/validate.ts'

// Kept in the declarations, unlike an import: programs that import only the package's root know every decorator of `app.gateway`.
export type {} from './plugins/index.ts'

/** Third-party plugin, alone or with its options. */
export type Extension = FastifyPluginAsync | readonly [FastifyPluginAsync<never>, object]

export interface GatewayOptions {
  /** Configuration, with the keys of the file. Missing keys have their defaults. No file and no environment is read. */
  config?: ConfigInput
  /** Gathers the configuration again for `config.reload`, which fails without it. A `ConfigError` rejects the reload. */
  reload?: () => Promise<ConfigInput>
  /** Source of the gateway's own log for `system.serviceLogs`. Absent: that log is not readable. */
  ownLog?: OwnLog
  /** Mount point: `/agent` puts the socket at `ws://host/agent`. Default: the root. */
  prefix?: string
  /** Name on the host. Two gateways on one host need two. Default: `gateway`. */
  decorator?: string
  /** Third-party plugins, registered inside the gateway after the built-in ones. */
  plugins?: readonly Extension[]
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The gateway's own instance, with all its decorators. */
    gateway: GatewayInstance
  }
}

/** The shell: opens one encapsulated scope, so that nothing of the gateway leaks into the host. */
async function gateway(host: FastifyInstance, opts: GatewayOptions): Promise<void> {
  const prefix = (opts.prefix ?? '').replace(/\/+$/, '')
  await host.register(
    async (scope) => {
      const app = scope as unknown as GatewayInstance
      // HTTP routes get the same checks and texts as methods.
      app.setValidatorCompiler<TSchema>(({ schema, httpPart = 'body' }) => {
        const validate = compile(schema, httpPart)
        return (value) => {
          const checked = validate(value)
          return 'issues' in checked ? { error: invalidParams(checked.issues) } : checked
        }
      })
      app.setErrorHandler<FastifyError>((cause, request, reply) => {
        const error =
          cause.statusCode && cause.statusCode < 500 && !(cause instanceof RpcError) ? refused(cause) : toRpcError(cause)
        if (error.statusCode >= 500) request.log.error({ err: cause.cause ?? cause }, 'a request failed')
        if (error.data.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(error.data.retryAfterMs / 1000))
        return reply.code(error.statusCode).send({ error })
      })
      // At the root of a host it would be the host's, or that of the scope it registers the gateway in.
      if (prefix !== '') app.setNotFoundHandler(nothingHere)

      // Shutdown runs in reverse: the last plugin closes first, the database closes last.
      await app.register(plugins.hooks)
      await app.register(plugins.rpc)
      await app.register(plugins.config, { config: opts.config ?? {}, reload: opts.reload })
      await app.register(plugins.doctor)
      await app.register(plugins.db)
      await app.register(plugins.audit)
      await app.register(plugins.programs)
      await app.register(plugins.auth)
      await app.register(plugins.websocket)
      // Before every route that it describes.
      await app.register(plugins.documents)
      await app.register(plugins.rpcHttp)
      await app.register(plugins.analytics)
      await app.register(plugins.connections)
      await app.register(plugins.logins)
      await app.register(plugins.providers)
      // Before the lanes: clients learn of a shutdown before anything is refused because of it.
      await app.register(plugins.system)
      await app.register(plugins.panels)
      await app.register(plugins.bus)
      await app.register(plugins.lanes)
      await app.register(plugins.sessions)
      await app.register(plugins.runs)
      await app.register(plugins.tools)
      await app.register(plugins.canvas)
      await app.register(plugins.mcp)
      await app.register(plugins.confirmations)
      await app.register(plugins.nodes)
      await app.register(plugins.nodePush)
      await app.register(plugins.presence)
      await app.register(plugins.pairing)
      await app.register(plugins.context)
      await app.register(plugins.commands)
      await app.register(plugins.attachments)
      await app.register(plugins.agent)
      await app.register(plugins.titles)
      await app.register(plugins.channels)
      await app.register(plugins.webhooks)
      await app.register(plugins.gmail)
      await app.register(plugins.teams)
      await app.register(plugins.googleChat)
      await app.register(plugins.bluebubbles)
      await app.register(plugins.telegram)
      await app.register(plugins.webPush)
      await app.register(plugins.backends)
      await app.register(plugins.docker)
      await app.register(plugins.observability, { ownLog: opts.ownLog })
      // After everything that they observe.
      await app.register(plugins.events)
      await app.register(plugins.metrics)
      await app.register(plugins.tracing)

      await app.register(plugins.configuredPlugins)
      for (const extension of opts.plugins ?? []) {
        const [plugin, options] = typeof extension === 'function' ? [extension, {}] : extension
        await app.register(plugin as FastifyPluginAsync, options)
      }

      await app.register(health)
      await app.register(metricsRoute)
      await app.register(documentRoutes)
      await app.register(session)
      await app.register(loginCode)
      await app.register(webPushRoutes)
      await app.register(attachmentRoutes)
      await app.register(canvasRoutes)
      await app.register(socket)
      host.decorate(opts.decorator ?? 'gateway', app)
    },
    { prefix }
  )
}

/** Protocol error for a refusal of Fastify itself: a body too large, a wrong content type. */
function refused(cause: FastifyError): RpcError {
  return new RpcError('InvalidRequest', cause.message, { cause, statusCode: cause.statusCode ?? 400 })
}

export default fp(gateway, { name: 'flynn-gateway', fastify: '5.x' })
