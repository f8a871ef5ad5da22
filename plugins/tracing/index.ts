import { createRequire } from 'node:module'
import { gatewayPlugin } from '../define.ts'
import { Tracing } from './tracing.ts'

const { version } = createRequire(import.meta.url)('#package.json') as { version: string }

/** Makes spans of the gateway's operations when the host has set up an SDK of OpenTelemetry. */
export default gatewayPlugin({ name: 'tracing', dependencies: ['hooks'] }, async (app) => {
  const tracing = new Tracing(version)
  app.hooks.around('rpc.call', tracing.call)
  app.hooks.around('model.call', tracing.model)
  app.hooks.around('tool.run', tracing.tool)
  app.hooks.around('agent.run', tracing.run)
  app.hooks.around('channel.request', tracing.inbound)
})
