import type { TestContext } from 'node:test'
import { Type } from '@sinclair/typebox'
import { type GatewayInstance, gatewayPlugin } from '../../../plugins/define.ts'
import { defineTool } from '../../../plugins/tools/define.ts'
import { build, type Frame, type TestGateway } from '../../helper.ts'
import { type ModelServer, startModelServer } from '../../model-server.ts'

/** Must never be seen by a client. */
export const API_KEY = 'sk-canary-5f1e'

interface Options {
  readonly server?: object
  readonly agent?: object
  readonly lanes?: object
  readonly plugins?: readonly ReturnType<typeof gatewayPlugin>[]
}

/** A gateway whose model is a server of its own, behind the real wire format. */
export async function withModel(
  t: TestContext,
  { plugins = [], ...config }: Options = {}
): Promise<TestGateway & { readonly model: ModelServer }> {
  const model = await startModelServer(t)
  const models = { default: { anthropic: { apiKey: API_KEY, model: 'test-model', baseUrl: model.baseUrl } } }
  return { ...(await build(t, { config: { ...config, models }, plugins })), model }
}

/** A tool `test.slow` that ends when the test says so and does not care about its abort signal. */
export function slowTool() {
  const called = Promise.withResolvers<AbortSignal>()
  const output = Promise.withResolvers<string>()
  const plugin = gatewayPlugin({ name: 'slow-tool', dependencies: ['tools'] }, async (app: GatewayInstance) => {
    app.tools.add(
      defineTool({
        name: 'test.slow',
        description: 'Takes its time',
        input: Type.Object({}, { additionalProperties: false }),
        run(_args, { signal }) {
          called.resolve(signal)
          return output.promise
        }
      })
    )
  })
  return { plugin, called: called.promise, answer: output.resolve }
}

/** The events of a request and its last frame, in the order they came, each in a few words. */
export function told(frames: readonly Frame[], id: number): string[] {
  return frames
    .filter((frame) => frame.id === id)
    .map(({ event, data, error }) => {
      if (event === 'content') return `content ${data.text}`
      if (event === 'error') return `error event ${data.code}`
      if (event !== undefined) return event
      return error ? `error ${error.code}` : 'result'
    })
}

/** Who said what in a session, and whether it is complete. */
export function transcript({ history }: Frame): string[] {
  return history.map(({ role, status, content }: Frame) => `${role} ${status}: ${content}`)
}
