import type { TestContext } from 'node:test'
import { build, connect, type Frame, type TestClient, type TestGateway } from '../../helper.ts'
import { type ModelServer, startModelServer, type WireUsage } from '../../model-server.ts'

export const SESSION = 'ws:abc-123'
export const NAMESPACE = 'session/checkpoints/ws/abc-123'

interface Options {
  readonly contextWindow?: number
  readonly agent?: object
  /** More tiers, each a model server of its own with that window. */
  readonly tiers?: Readonly<Record<string, number>>
  readonly dataDir?: string
}

export interface Rig extends TestGateway {
  readonly model: ModelServer
  readonly models: Readonly<Record<string, ModelServer>>
  readonly client: TestClient
  /** A message: its frames, the last one being the result or the error. */
  say(message: string, params?: object): Promise<Frame[]>
}

/** The configuration of one model behind a server. */
export function behind({ baseUrl }: ModelServer, contextWindow: number) {
  return { openai_compatible: { model: 'test-model', baseUrl, contextWindow } }
}

/** A gateway whose models are servers of their own, and one connection to it. */
export async function rig(
  t: TestContext,
  { contextWindow = 200_000, agent = {}, tiers = {}, ...rest }: Options = {}
): Promise<Rig> {
  const model = await startModelServer(t)
  const models: Record<string, ModelServer> = {}
  for (const tier of Object.keys(tiers)) models[tier] = await startModelServer(t)
  const configured = Object.fromEntries(Object.entries(tiers).map(([tier, window]) => [tier, behind(models[tier]!, window)]))
  const gateway = await build(t, { config: { agent, models: { default: behind(model, contextWindow), ...configured }, ...rest } })
  const client = await connect(t, gateway.url)
  return {
    ...gateway,
    model,
    models,
    client,
    async say(message, params = {}) {
      const id = client.start('agent.send', { message, sessionId: SESSION, ...params })
      await client.final(id)
      return client.frames.filter((frame) => frame.id === id)
    }
  }
}

export function warningIn(frames: readonly Frame[]): Frame | undefined {
  return frames.find(({ event }) => event === 'context_warning')?.data
}

/** Usage of a call, all in all. */
export function tokens(all: number): { usage: WireUsage } {
  return { usage: { input: all - 1000, output: 1000 } }
}

/** The texts of a request as the model got it, one message each. */
export function textsOf(request: Frame): string[] {
  const said = request.body.messages.filter(({ role }: Frame) => role !== 'system')
  return said.map(({ role, content, tool_calls = [] }: Frame) => {
    const parts = typeof content === 'string' ? [content] : (content ?? []).map(({ text }: Frame) => text)
    return `${role}: ${[...parts, ...tool_calls.map((call: Frame) => call.function.name)].filter(Boolean).join(' ')}`
  })
}

/** Says of a request that it asks for a summary. */
export function forSummary(request: Frame): boolean {
  return JSON.stringify(request.body.messages[0]).includes('Summarise the conversation')
}
