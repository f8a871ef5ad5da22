import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { type Model, type ModelPart, type ModelSettings, ProviderError } from '../../../plugins/providers/define.ts'
import { networkProviders } from '../../../plugins/providers/models.ts'
import { request, textOf } from '../../contract/provider.ts'
import { type ModelServer, type Reply, startModelServer } from '../../model-server.ts'

/** A model of the gateway behind a server that answers like this. */
export async function modelBehind(
  t: TestContext,
  name: string,
  replies: readonly Reply[],
  settings: ModelSettings = {}
): Promise<{ model: Model; server: ModelServer }> {
  const server = await startModelServer(t)
  server.reply(...replies)
  const provider = networkProviders.find((provider) => provider.name === name)!
  return { model: provider.open({ apiKey: 'a-test-key', model: 'fake-1', baseUrl: server.baseUrl, ...settings }), server }
}

/** Result of one call: its text, its calls and the reason of its end, or the error. */
export async function outcomeOf(
  model: Model,
  asked = request('Hello?')
): Promise<{ text: string; calls: unknown[]; reason?: string; error?: ProviderError }> {
  const parts: ModelPart[] = []
  const said = () => ({
    text: textOf(parts),
    calls: parts.flatMap((part) => (part.type === 'tool_call' ? [part.call] : []))
  })
  try {
    for await (const part of model.stream(asked)) parts.push(part)
  } catch (error) {
    assert.ok(error instanceof ProviderError, String(error))
    return { ...said(), error }
  }
  const last = parts.at(-1)
  assert.ok(last?.type === 'finish')
  return { ...said(), reason: last.reason }
}
