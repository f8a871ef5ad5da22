import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { Hooks } from '../../../plugins/hooks/hooks.ts'
import type { AnyTool, ToolContext } from '../../../plugins/tools/define.ts'
import type { ToolboxOptions } from '../../../plugins/tools/toolbox.ts'

/** A folder of its own for one test. */
export async function folder(t: TestContext): Promise<string> {
  const made = await realpath(await mkdtemp(join(tmpdir(), 'flynn-tools-')))
  t.after(() => rm(made, { recursive: true, force: true }))
  return made
}

export const silent = pino({ enabled: false })

/** The defaults of `tools:` in the configuration. */
export const SETTINGS: ReturnType<ToolboxOptions['settings']> = {
  allow: ['*'],
  deny: [],
  confirm: [],
  elevated: [],
  guests: ['memory.*', 'file.*', 'canvas.put'],
  max: 128
}

/** Parts of a toolbox that most tests do not look at. */
export const PARTS = {
  hooks: new Hooks({ error() {} }),
  dataDir: '/var/lib/flynn',
  log: silent,
  sessions: { get: async () => undefined },
  store: { get: async () => undefined, set: async () => '1' },
  settings: () => SETTINGS,
  limits: () => ({ toolArgsBytes: 1024 * 1024, toolResultBytes: 1024 * 1024 }),
  openSession: async () => {}
}

export interface Bench {
  readonly workspace: string
  readonly context: ToolContext
  readonly abort: AbortController
  run(tool: AnyTool, args: Record<string, unknown>): Promise<string>
}

/** A session with a workspace in which tools run without the rest of the gateway. */
export async function bench(t: TestContext, sessionId = 'ws:test'): Promise<Bench> {
  const workspace = join(await folder(t), 'workspace')
  const abort = new AbortController()
  const context = {
    signal: abort.signal,
    session: { id: sessionId, workspace },
    access: 'owner' as const,
    actor: 'token:test',
    log: silent
  }
  return {
    workspace,
    context,
    abort,
    async run(tool, args) {
      const output = await tool.run(args, context)
      return typeof output === 'string' ? output : output.output
    }
  }
}

/** The tool of that name. */
export function named(tools: readonly AnyTool[], name: string): AnyTool {
  const found = tools.find((tool) => tool.name === name)
  if (!found) throw new Error(`there is no tool ${name}`)
  return found
}
