import type { TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import type { GatewayOptions } from '../../../../app.ts'
import { gatewayPlugin } from '../../../../plugins/define.ts'
import { defineTool } from '../../../../plugins/tools/define.ts'
import type { GatewayClient } from '../../../../rpc/client/index.ts'
import { type ChatTurn, SessionModel, type SessionSnapshot } from '../../../../rpc/client/model/index.ts'
import { build, type TestGateway } from '../../../helper.ts'
import { type Reply, startModelServer } from '../../../model-server.ts'
import { modelAt } from '../fixtures.ts'

export interface Stage {
  readonly gateway: TestGateway
  readonly options: GatewayOptions
  /** Answers of the model to a message, by its text. A second entry answers the request after the tools of the first. */
  script(message: string, ...replies: Reply[]): void
  /** Arguments of the tool that asks before it runs. */
  readonly deeds: unknown[]
  /** The tool ends after it. */
  until: Promise<void> | undefined
}

type Cleanup = Pick<TestContext, 'after'>

/** A gateway whose model answers each message as its test says, with a tool that a person has to confirm. */
export async function stage(t: Cleanup, config: object = {}): Promise<Stage> {
  const model = await startModelServer(t)
  const replies = new Map<string, Reply[]>()
  model.rule(({ body }) => {
    const asked = (body.messages as { role: string; content: unknown }[]).filter(({ role }) => role === 'user').at(-1)
    const text = JSON.stringify(asked?.content ?? '')
    const [key] = [...replies.keys()].filter((message) => text.includes(message)).sort((a, b) => b.length - a.length)
    return (key === undefined ? undefined : replies.get(key)?.shift()) ?? { text: 'Yes.' }
  })
  const deeds: unknown[] = []
  const tool = defineTool({
    name: 'test.deed',
    description: 'Does something',
    input: Type.Object({ what: Type.String() }, { additionalProperties: false }),
    async run(args) {
      deeds.push(args)
      await scene.until
      return `did ${args.what}`
    }
  })
  const options: GatewayOptions = {
    config: { ...modelAt(model), tools: { confirm: ['test.deed'] }, server: { shutdown_grace_seconds: 0 }, ...config },
    plugins: [gatewayPlugin({ name: 'deeds', dependencies: ['tools'] }, async (app) => app.tools.add(tool))]
  }
  const gateway = await build(t, options)
  const script: Stage['script'] = (message, ...scripted) => void replies.set(message, scripted)
  const scene: Stage = { gateway, options, deeds, script, until: undefined }
  return scene
}

/** A model that is followed until the test ends. */
export function watched(t: Cleanup, client: GatewayClient, sessionId: string): SessionModel {
  const model = new SessionModel(client, sessionId)
  t.after(model.subscribe(() => {}))
  return model
}

/** Resolves with the first snapshot for which it holds. */
export function when(model: SessionModel, holds: (snapshot: SessionSnapshot) => unknown): Promise<SessionSnapshot> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`never held: ${holds}\n${JSON.stringify(model.getSnapshot(), null, 1)}`)),
      20_000
    )
    let unsubscribe = (): void => {}
    const look = (): void => {
      const snapshot = model.getSnapshot()
      if (!holds(snapshot)) return
      clearTimeout(timer)
      queueMicrotask(() => unsubscribe())
      resolve(snapshot)
    }
    unsubscribe = model.subscribe(look)
    look()
  })
}

/** One line a turn: its state, then its parts. */
export function said({ turns }: Pick<SessionSnapshot, 'turns'>): string[] {
  return turns.map((turn) => `${turn.state}: ${partsOf(turn).join(' | ')}`)
}

function partsOf({ parts }: ChatTurn): string[] {
  return parts.map((part) => {
    if (part.kind === 'message') return `> ${part.text}${part.partial ? '…' : ''}`
    if (part.kind === 'call') return `${part.tool} ${part.state}`
    if (part.kind === 'file') return `file ${part.filename}`
    return part.kind === 'context' ? part.warning.message : part.text
  })
}

/** Every turn and everything that waits has ended. */
export function isQuiet({ turns, waiting, history }: SessionSnapshot): boolean {
  return (
    history.loaded &&
    waiting.length === 0 &&
    turns.every(({ state, complete }) => complete && ['done', 'stopped', 'failed', 'unanswered'].includes(state))
  )
}
