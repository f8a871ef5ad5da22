import type { TSchema } from '@sinclair/typebox'
import type { FastifyError, FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import agent from './plugins/agent/index.ts'
import analytics from './plugins/analytics/index.ts'
import audit from './plugins/audit/index.ts'
import trail from './plugins/audit/trail.ts'
import auth from './plugins/auth/index.ts'
import backends from './plugins/backends/index.ts'
import bus from './plugins/bus/index.ts'
import canvas from './plugins/canvas/index.ts'
import bluebubbles from './plugins/channels/bluebubbles/index.ts'
import gmail from './plugins/channels/gmail/index.ts'
import googleChat from './plugins/channels/google-chat/index.ts'
import channels from './plugins/channels/index.ts'
import nodePush from './plugins/channels/node-push/index.ts'
import teams from './plugins/channels/teams/index.ts'
import telegram from './plugins/channels/telegram/index.ts'
import webhooks from './plugins/channels/webhooks/index.ts'
import commands from './plugins/commands/index.ts'
import config, { type ConfigInput } from './plugins/config/index.ts'
import reload from './plugins/config/reload.ts'
import confirmations from './plugins/confirmations/index.ts'
import connections from './plugins/connections/index.ts'
import context from './plugins/context/index.ts'
import db from './plugins/db/index.ts'
import docker from './plugins/docker/index.ts'
import documents from './plugins/documents/index.ts'
import lanes from './plugins/lanes/index.ts'
import mcp from './plugins/mcp/index.ts'
import metrics from './plugins/metrics/index.ts'
import nodes from './plugins/nodes/index.ts'
import observability from './plugins/observability/index.ts'
import type { OwnLog } from './plugins/observability/own-log.ts'
import pairing from './plugins/pairing/index.ts'
import presence from './plugins/presence/index.ts'
import programs from './plugins/programs/index.ts'
import providers from './plugins/providers/index.ts'
import rpc from './plugins/rpc/index.ts'
import sessions from './plugins/sessions/index.ts'
import system from './plugins/system/index.ts'
import tools from './plugins/tools/index.ts'
import tracing from './plugins/tracing/index.ts'
import webPush from './plugins/web-push/index.ts'
import websocket from './plugins/websocket/index.ts'
import documentRoutes from './routes/documents.ts'
import health from './routes/health.ts'
import metricsRoute from './routes/metrics.ts'
import { nothingHere } from './routes/nothing.ts'
import session from './routes/session.ts'
import socket from './routes/socket.ts'
import webPushRoutes from './routes/web-push.ts'
import { invalidParams, RpcError, toRpcError } from './rpc/errors.ts'
import { compile } from './rpc/validate.ts'
import type { GatewayInstance } from './types.ts'

/** A plugin of a third party, alone or with its options. */
export type Extension = FastifyPluginAsync | readonly [FastifyPluginAsync<never>, object]

export interface GatewayOptions {
  /** The configuration, in the file's names; what is left out has its default. No file and no environment is read. */
  config?: ConfigInput
  /** Gathers the configuration anew for `config.reload`, which has nothing to read without it. A `ConfigError` refuses it. */
  reload?: () => Promise<ConfigInput>
  /** What the log is written to, for `system.serviceLogs`. Absent: the gateway cannot read what its host does with it. */
  ownLog?: OwnLog
  /** Where the gateway lives on the host: `/agent` gives a socket at `ws://host/agent`. Default: the root. */
  prefix?: string
  /** The one name the host gets to see. Two gateways on one host need two. Default: `gateway`. */
  decorator?: string
  /** Third-party plugins, registered inside the gateway once everything of its own is there. */
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
  await host.register(
    async (scope) => {
      const app = scope as unknown as GatewayInstance
      // The same checks and the same words for HTTP as for the methods.
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
      if (opts.prefix && opts.prefix !== '/') app.setNotFoundHandler(nothingHere)

      // The order is the shutdown order reversed: what is registered last closes first, the database closes last.
      await app.register(config, { config: opts.config ?? {}, reload: opts.reload })
      await app.register(db)
      await app.register(audit)
      await app.register(programs)
      await app.register(auth)
      await app.register(websocket)
      await app.register(rpc)
      // Before every route that it is to describe.
      await app.register(documents)
      await app.register(trail)
      await app.register(reload)
      await app.register(analytics)
      await app.register(connections)
      await app.register(providers)
      // Before the lanes: whoever asks is told of a shutdown before anything is refused because of it.
      await app.register(system)
      await app.register(bus)
      await app.register(lanes)
      await app.register(sessions)
      await app.register(canvas)
      await app.register(tools)
      await app.register(mcp)
      await app.register(confirmations)
      await app.register(nodes)
      await app.register(nodePush)
      await app.register(presence)
      await app.register(pairing)
      await app.register(context)
      await app.register(commands)
      await app.register(agent)
      await app.register(channels)
      await app.register(webhooks)
      await app.register(gmail)
      await app.register(teams)
      await app.register(googleChat)
      await app.register(bluebubbles)
      await app.register(telegram)
      await app.register(webPush)
      await app.register(backends)
      await app.register(docker)
      await app.register(observability, { ownLog: opts.ownLog })
      // After all that they listen to.
      await app.register(metrics)
      await app.register(tracing)

      for (const extension of opts.plugins ?? []) {
        const [plugin, options] = typeof extension === 'function' ? [extension, {}] : extension
        await app.register(plugin as FastifyPluginAsync, options)
      }

      await app.register(health)
      await app.register(metricsRoute)
      await app.register(documentRoutes)
      await app.register(session)
      await app.register(webPushRoutes)
      await app.register(socket)
      host.decorate(opts.decorator ?? 'gateway', app)
    },
    { prefix: opts.prefix ?? '' }
  )
}

/** What Fastify itself refuses (a body too large, a wrong content type), in the words of the protocol. */
function refused(cause: FastifyError): RpcError {
  return new RpcError('InvalidRequest', cause.message, { cause, statusCode: cause.statusCode ?? 400 })
}

export default fp(gateway, { name: 'flynn-gateway', fastify: '5.x' })
