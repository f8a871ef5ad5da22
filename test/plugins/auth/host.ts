import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { GateSettings } from '../../../plugins/auth/gate.ts'
import auth from '../../../plugins/auth/index.ts'
import { type GatewayInstance, gatewayPlugin } from '../../../plugins/define.ts'
import websocket from '../../../plugins/websocket/index.ts'
import session from '../../../routes/session.ts'
import { toRpcError } from '../../../rpc/errors.ts'

export interface AuditEntry {
  readonly event: string
  readonly actor: string
  readonly detail: Record<string, unknown>
}

export interface AuthHost {
  readonly host: FastifyInstance
  /** Inside the gateway. */
  readonly app: GatewayInstance
  /** Address for `inject` under a prefix. */
  readonly prefix: string
  readonly audit: AuditEntry[]
  /** Lines of the log, as text. */
  readonly log: string[]
  /** `127.0.0.1:<port>`, listening. */
  listen(address?: string): Promise<string>
}

/** The plugin on a real Fastify, between stubs of what it depends on, with one route for each policy. */
export async function authHost(
  t: TestContext,
  server: Partial<GateSettings> = {},
  { prefix = '', ...options }: FastifyServerOptions & { prefix?: string } = {}
): Promise<AuthHost> {
  let app!: GatewayInstance
  const audit: AuditEntry[] = []
  const log: string[] = []
  const host = Fastify({
    forceCloseConnections: true,
    logger: { level: 'debug', stream: { write: (line: string) => void log.push(line) } },
    ...options
  })
  const config = gatewayPlugin({ name: 'config' }, async (app) => {
    const settings = {
      authHttp: true,
      tailscaleIdentity: false,
      tokens: [],
      allowedOrigins: [],
      maxPayloadBytes: 1024,
      ...server
    }
    app.decorate('config', { server: settings } as unknown as GatewayInstance['config'])
    app.decorate('configStore', { onChange() {} } as unknown as GatewayInstance['configStore'])
  })
  const auditStub = gatewayPlugin({ name: 'audit' }, async (app) => {
    const record = (event: string, actor: string, detail: Record<string, unknown> = {}) =>
      void audit.push({ event, actor, detail })
    app.decorate('audit', { record } as unknown as GatewayInstance['audit'])
  })
  await host.register(
    async (scope) => {
      app = scope as unknown as GatewayInstance
      app.setErrorHandler((cause: Error & { validation?: unknown }, _request, reply) => {
        if (cause.validation) return reply.code(400).send({ error: { code: -2, message: cause.message } })
        const error = toRpcError(cause)
        return reply.code(error.statusCode).send({ error: error.toJSON() })
      })
      await app.register(config)
      await app.register(auditStub)
      await app.register(auth)
      await app.register(websocket)
      await app.register(session)
      const who = (request: Parameters<typeof app.auth.of>[0]) => {
        const outcome = app.auth.of(request)
        return 'caller' in outcome
          ? { id: outcome.caller.id, scopes: [...outcome.caller.scopes] }
          : { refused: outcome.error.code, message: outcome.error.message }
      }
      app.get('/unsaid', async (request) => who(request))
      app.post('/rpc', async (request) => ({ id: app.auth.require(request).id }))
      for (const policy of ['required', 'http', 'optional', 'none'] as const) {
        app.get(`/${policy}`, { config: { auth: policy } }, async (request) => who(request))
      }
      app.route({
        method: 'GET',
        url: '/',
        config: { auth: 'socket' },
        handler: async (request) => who(request),
        wsHandler(socket, request) {
          // An injected client never answers a close, and the server would wait for it.
          socket.send(JSON.stringify(who(request)), () => socket.terminate())
        }
      })
    },
    { prefix }
  )
  t.after(() => host.close())
  await host.ready()
  return {
    host,
    app,
    prefix,
    audit,
    log,
    async listen(address = '127.0.0.1') {
      await host.listen({ port: 0, host: address })
      return `127.0.0.1:${(host.server.address() as AddressInfo).port}`
    }
  }
}
