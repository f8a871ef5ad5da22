import { Type } from '@sinclair/typebox'
import { Registry } from 'prom-client'
import { gatewayPlugin } from '../plugins/define.ts'
import { allows, denied } from '../rpc/registry.ts'
import { Failure } from '../rpc/schemas/failure.ts'

const Exposition = {
  description: 'Every metric, in the text format of Prometheus',
  content: { 'text/plain': { schema: Type.String() } }
}

/** `GET /metrics`, for Prometheus. */
export default gatewayPlugin({ name: 'metrics-route', dependencies: ['auth', 'metrics'], share: false }, async (app) => {
  app.get('/metrics', {
    config: { auth: 'http', scope: 'read' },
    schema: {
      summary: 'Metrics for Prometheus',
      tags: ['metrics'],
      response: { 200: Exposition, 401: Failure, 403: Failure }
    },
    async handler(request, reply) {
      if (!allows(app.auth.require(request), 'read')) throw denied('GET /metrics', 'read')
      const text = await app.metrics.registry.metrics()
      return reply.type(Registry.PROMETHEUS_CONTENT_TYPE).header('cache-control', 'no-store').send(text)
    }
  })
})
