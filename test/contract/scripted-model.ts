import { gatewayPlugin } from '../../plugins/define.ts'
import { type ModelPart, type ModelRequest, ProviderError } from '../../plugins/providers/define.ts'

type Step = (request: ModelRequest, call: number) => readonly ModelPart[]

const USAGE = { inputTokens: 1, outputTokens: 1 }

/** A model that answers with a script, one step a call. A call beyond the script fails. */
export class ScriptedModel {
  /** Every call so far. */
  readonly requests: ModelRequest[] = []
  readonly #steps: Step[] = []

  /** Answers the next call with a text. */
  says(text: string): this {
    this.#steps.push(() => [
      { type: 'text', text },
      { type: 'finish', reason: 'stop', usage: USAGE }
    ])
    return this
  }

  /** Answers the next call with the request for a tool. */
  calls(tool: string, args: Readonly<Record<string, unknown>> = {}): this {
    this.#steps.push((_request, call) => [
      { type: 'tool_call', call: { callId: `call_${call}`, tool, args: { ...args } } },
      { type: 'finish', reason: 'tool_calls', usage: USAGE }
    ])
    return this
  }

  /** Lets the next call fail. */
  fails(message: string, { retryable = false }: { readonly retryable?: boolean } = {}): this {
    this.#steps.push(() => {
      throw new ProviderError(message, { retryable })
    })
    return this
  }

  /** Brings it as the provider `scripted`: `models: { default: { scripted: {} } }`. */
  readonly plugin = gatewayPlugin({ name: 'scripted-model', dependencies: ['providers'] }, async (app) => {
    const stream = (request: ModelRequest) => this.#stream(request)
    app.providers.add({
      name: 'scripted',
      open: ({ contextWindow = 100_000 }) => ({ provider: 'scripted', model: 'scripted', contextWindow, stream })
    })
  })

  async *#stream(request: ModelRequest): AsyncGenerator<ModelPart> {
    request.signal.throwIfAborted()
    this.requests.push(request)
    const step = this.#steps.shift()
    if (!step)
      throw new ProviderError(`The script of the model has no answer for call ${this.requests.length}`, { retryable: false })
    yield* step(request, this.requests.length)
  }
}
