import type { ToolSet } from 'ai'
import { partsOf } from './answer.ts'
import { defineProvider, type Model, type ModelPart, type ModelRequest, type Provider } from './define.ts'
import { failureOf } from './failure.ts'
import { type Endpoint, endpointOf, KINDS, type SdkModel } from './kinds.ts'
import { loadOnce } from './load.ts'
import { type WireNames, wireNames } from './names.ts'
import { toPrompt } from './prompt.ts'

type Sdk = typeof import('ai')

/** Every provider that is spoken to over the network, through the `ai` package. */
export const networkProviders: readonly Provider[] = KINDS.map((kind) =>
  defineProvider({ name: kind.name, open: (settings) => modelAt(endpointOf(kind, settings)) })
)

function modelAt(endpoint: Endpoint): Model {
  const { provider, model, contextWindow, maxOutputTokens, files, secrets } = endpoint

  // Nothing of the SDK is loaded before the first call.
  const sdk = loadOnce(async () => {
    const [ai, connected] = await Promise.all([import('ai'), endpoint.connect()])
    return { ai, languageModel: quiet(ai, connected) }
  })

  async function* stream(request: ModelRequest): AsyncGenerator<ModelPart> {
    const { signal } = request
    signal.throwIfAborted()
    // A signal of its own: the SDK takes an abort for a failure unless the reason is an AbortError, and the call also ends
    // when nobody reads on.
    const call = new AbortController()
    const stop = () => call.abort(new DOMException('The model call was stopped', 'AbortError'))
    signal.addEventListener('abort', stop, { once: true })
    try {
      const { ai, languageModel } = await sdk()
      signal.throwIfAborted()
      const names = wireNames(request.tools)
      const { stream } = ai.streamText({
        model: languageModel,
        ...(request.system && { instructions: request.system }),
        messages: toPrompt(request.messages, { names, files }),
        ...(request.tools.length > 0 && { tools: toolSet(ai, request, names) }),
        maxOutputTokens,
        maxRetries: 0,
        abortSignal: call.signal,
        // Errors are parts of the stream; unless this is given, they go to the console, request and all.
        onError() {}
      })
      yield* partsOf(stream, request, names, provider)
    } catch (thrown) {
      signal.throwIfAborted()
      throw failureOf(thrown, { provider, model, secrets, now: Date.now() })
    } finally {
      signal.removeEventListener('abort', stop)
      // A consumer that stops reading must not leave a model talking.
      stop()
    }
  }

  return { provider, model, contextWindow, stream, close: endpoint.close }
}

function toolSet({ jsonSchema }: Sdk, { tools }: ModelRequest, names: WireNames): ToolSet {
  // Without `execute`: the SDK hands the calls over, the agent runs them.
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [names.tool(name), { description, inputSchema: jsonSchema(inputSchema) }])
  )
}

/** Warnings of the SDK go to the process that hosts the gateway, and about settings nobody wrote: they are dropped. */
function quiet({ wrapLanguageModel }: Sdk, model: SdkModel): SdkModel {
  return wrapLanguageModel({
    model,
    middleware: {
      specificationVersion: 'v4',
      async wrapStream({ doStream }) {
        const { stream, ...result } = await doStream()
        const silenced = new TransformStream({
          transform: (part, controller) => controller.enqueue(part.type === 'stream-start' ? { ...part, warnings: [] } : part)
        })
        return { ...result, stream: stream.pipeThrough(silenced) }
      }
    }
  })
}
