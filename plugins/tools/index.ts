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

/** Tokens of the tools in every model call that `doctor` warns about: a tenth of a common context window. */
const MANY_TOKENS = 20_000
const LISTS = ['allow', 'deny', 'confirm', 'elevated', 'guests'] as const

/** Owns `app.tools`: the built-in tools, those that other plugins add before the start, and those of sources, which come and go. */
export default gatewayPlugin(
  { name: 'tools', dependencies: ['hooks', 'config', 'db', 'audit', 'rpc', 'lanes', 'sessions', 'doctor'] },
  async (app) => {
    const tools = new Toolbox({
      hooks: app.hooks,
      dataDir: app.config.dataDir,
      audit: app.audit,
      lanes: app.lanes,
      sessions: app.db.sessions,
      log: app.log,
      store: app.db.plugin('tools'),
      settings: () => app.config.tools,
      limits: () => app.config.limits,
      openSession: async (sessionId) => void (await app.sessions.open(sessionId)),
      masker: () => app.configStore.masker
    })
    for (const tool of builtIn(app)) tools.add(tool)
    app.decorate('tools', tools)
    app.sessions.onRemove((sessionId) => removeWorkspace(app.config.dataDir, sessionId))
    for (const method of Object.values(methods)) app.rpc.method(method)
    app.doctor.check({
      name: 'tools',
      async run() {
        const { tools: count, tokens } = (await tools.survey()).cost
        const message = `${count} tools take about ${tokens} tokens in every model call`
        if (tokens <= MANY_TOKENS) return { status: 'pass', message }
        return { status: 'warn', message, fix: 'leave out tools with tools.deny, or lower tools.max' }
      }
    })
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
  const workspaceBytes = (): number => app.config.limits.workspaceBytes
  const addresses = {
    get allow() {
      return app.config.tools.web.allow
    },
    get allowHosts() {
      return app.config.tools.web.allowHosts
    }
  }
  return [
    // Off means unlisted: no model is offered a tool that it may not use.
    ...(app.config.tools.shell.enabled ? [shellTool({ workspaceBytes })] : []),
    ...fileTools({ workspaceBytes }),
    webFetchTool(addresses),
    ...memoryTools({ memory: db.memory, maxBytes: () => app.config.limits.memoryBytes })
  ]
}
