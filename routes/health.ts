import { Type } from '@sinclair/typebox'
import { gatewayPlugin } from '../plugins/define.ts'
import { Failure } from '../rpc/schemas/failure.ts'

const Health = Type.Object(
  {
    status: Type.Literal('ok'),
    version: Type.Optional(Type.String()),
    uptime: Type.Optional(Type.Integer({ description: 'Seconds' })),
    connections: Type.Optional(Type.Integer({ description: 'Live sockets' }))
  },
  { description: 'It is alive' }
)

const ready = { ready: Type.Boolean(), reason: Type.Optional(Type.String({ description: 'Why not' })) }
const Ready = Type.Object(ready, { description: 'It accepts work' })
const Unready = Type.Object(ready, { description: 'Send no work here: it shuts down, or the database does not take writes' })

/** `GET /health`: alive. `GET /api/health`: alive, with details. `GET /ready`: able to take work. */
export default gatewayPlugin({ name: 'health', dependencies: ['connections', 'system'], share: false }, async (app) => {
  const details = () => ({ status: 'ok' as const, ...app.system.info() })

  app.get('/health', {
    config: { auth: 'optional' },
    schema: { summary: 'Alive; with a credential also the details', tags: ['health'], response: { 200: Health } },
    handler: async (request) => ('caller' in app.auth.of(request) ? details() : { status: 'ok' as const })
  })

  app.get('/api/health', {
    config: { auth: 'http' },
    schema: { summary: 'Alive, with the details', tags: ['health'], response: { 200: Health, 401: Failure } },
    handler: async () => details()
  })

  app.get('/ready', {
    config: { auth: 'none' },
    schema: { summary: 'Able to take work', tags: ['health'], response: { 200: Ready, 503: Unready } },
    async handler(request, reply) {
      const reason = await app.system.unready()
      if (reason === undefined) return { ready: true }
      request.log.warn({ reason }, 'not ready')
      return reply.code(503).send({ ready: false, reason })
    }
  })
})
