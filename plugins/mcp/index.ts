import { gatewayPlugin } from '../define.ts'
import type { Finding } from '../doctor/index.ts'
import { list } from './methods.ts'
import { McpServer } from './server.ts'

/** Makes each server of `tools.mcp` a source of tools. None is started before tools are needed. */
export default gatewayPlugin({ name: 'mcp', dependencies: ['config', 'rpc', 'lanes', 'tools', 'doctor'] }, async (app) => {
  const servers = Object.entries(app.config.tools.mcp).map(
    ([name, settings]) => new McpServer({ name, settings, log: app.log.child({ mcp: name }) })
  )
  for (const server of servers) app.tools.addSource(server)
  app.rpc.method(list)
  if (servers.length === 0) return
  app.doctor.check({ name: 'mcp', run: async () => examine(servers) })
  app.addHook('onClose', async () => {
    // Runs that are still under way may need them; nothing else may keep the process alive until then.
    const hold = setInterval(() => {}, 60_000)
    try {
      await app.lanes.close(app.config.server.shutdownGraceSeconds * 1000)
      await Promise.all(servers.map((server) => server.close()))
    } finally {
      clearInterval(hold)
    }
  })
})

/** Starts every server that may be started, as a run would. */
async function examine(servers: readonly McpServer[]): Promise<Omit<Finding, 'check'>> {
  await Promise.all(servers.map((server) => server.tools()))
  const all = servers.map((server) => server.status())
  const down = all.filter(({ state }) => state === 'down')
  if (down.length > 0) {
    const reasons = down.map(({ name, reason, log }) => {
      const last = log.at(-1)
      return `${name}: ${reason}${last ? ` (${last.text})` : ''}`
    })
    const fix = 'read its log with system.serviceLogs, source mcp:<name>, and correct its entry in tools.mcp'
    return { status: 'fail', message: `not running: ${reasons.join('; ')}`, fix }
  }
  const starting = all.filter(({ state }) => state === 'starting').map(({ name }) => name)
  if (starting.length > 0)
    return { status: 'warn', message: `still starting: ${starting.join(', ')}`, fix: 'run this again in a minute' }
  return { status: 'pass', message: `${all.length === 1 ? 'the server runs' : `all ${all.length} servers run`}` }
}
