import { type GatewayInstance, gatewayPlugin } from '../define.ts'
import type { AnyTool } from './define.ts'
import { fileTools } from './files.ts'
import { memoryTools } from './memory.ts'
import * as methods from './methods.ts'
import { shellTool } from './shell.ts'
import { Toolbox } from './toolbox.ts'
import { webFetchTool } from './web-fetch.ts'
import { removeWorkspace } from './workspace.ts'

declare module '../define.ts' {
  interface GatewayDecorators {
    /** Tools of the agent. */
    tools: Tools
  }
}

export type { Access, SourceStatus, ToolSource } from './define.ts'
export type { PreparedCall, RunOptions } from './toolbox.ts'

export type Tools = Toolbox

const LISTS = ['allow', 'deny', 'confirm', 'elevated', 'guests'] as const

/** Owns `app.tools`: the built-in tools, those that other plugins add before the start, and those of sources, which come and go. */
export default gatewayPlugin(
  { name: 'tools', dependencies: ['hooks', 'config', 'db', 'audit', 'rpc', 'lanes', 'sessions'] },
  async (app) => {
    const tools = new Toolbox({
      hooks: app.hooks,
      dataDir: app.config.dataDir,
      audit: app.audit,
      lanes: app.lanes,
      sessions: app.db.sessions,
      log: app.log,
      memory: app.db.memory,
      settings: () => app.config.tools,
      openSession: async (sessionId) => void (await app.sessions.open(sessionId)),
      masker: () => app.configStore.masker
    })
    for (const tool of builtIn(app)) tools.add(tool)
    app.decorate('tools', tools)
    app.sessions.onRemove((sessionId) => removeWorkspace(app.config.dataDir, sessionId))
    for (const method of Object.values(methods)) app.rpc.method(method)
    const warnMisnamed = (): void => {
      const names = tools.misnamed()
      // A slip here would let a tool run that the operator wanted to confirm.
      if (names.length > 0) app.log.warn({ tools: names }, 'tools.allow, deny, confirm, elevated or guests name unknown tools')
    }
    app.addHook('onReady', async () => warnMisnamed())
    app.configStore.onChange(({ tools: current }, { tools: previous }) => {
      if (LISTS.some((list) => current[list] !== previous[list])) warnMisnamed()
    })
  }
)

function builtIn(app: GatewayInstance): AnyTool[] {
  const { db } = app
  const addresses = {
    get allowHosts() {
      return app.config.tools.web.allowHosts
    }
  }
  return [
    // Off means unlisted: no model is offered a tool that it may not use.
    ...(app.config.tools.shell.enabled ? [shellTool()] : []),
    ...fileTools(),
    webFetchTool(addresses),
    ...memoryTools({ memory: db.memory })
  ]
}
