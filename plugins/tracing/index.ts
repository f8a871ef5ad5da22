import { createRequire } from 'node:module'
import { gatewayPlugin } from '../define.ts'
import { Tracing } from './tracing.ts'

const { version } = createRequire(import.meta.url)('#package.json') as { version: string }

/** Makes spans of what the gateway does, where the host has set up an SDK of OpenTelemetry. */
export default gatewayPlugin(
  { name: 'tracing', dependencies: ['rpc', 'providers', 'tools', 'agent', 'channels'] },
  async (app) => {
    const tracing = new Tracing(version)
    app.rpc.around(tracing.call)
    app.providers.around(tracing.model)
    app.tools.around(tracing.tool)
    app.agent.around(tracing.run)
    app.channels.around(tracing.inbound)
  }
)
