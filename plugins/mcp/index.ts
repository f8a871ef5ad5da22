import { gatewayPlugin } from '../define.ts'
import { McpServer } from './server.ts'

/** Makes each server of `tools.mcp` a source of tools. None is started before somebody asks for tools. */
export default gatewayPlugin({ name: 'mcp', dependencies: ['config', 'lanes', 'tools'] }, async (app) => {
  const servers = Object.entries(app.config.tools.mcp).map(
    ([name, settings]) => new McpServer({ name, settings, log: app.log.child({ mcp: name }) })
  )
  for (const server of servers) app.tools.addSource(server)
  if (servers.length === 0) return
  app.addHook('onClose', async () => {
    // The runs that are still under way may need them, and until they are done nothing else may hold the process.
    const hold = setInterval(() => {}, 60_000)
    try {
      await app.lanes.close(app.config.server.shutdownGraceSeconds * 1000)
      await Promise.all(servers.map((server) => server.close()))
    } finally {
      clearInterval(hold)
    }
  })
})
