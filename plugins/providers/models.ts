import { partsOf } from './answer.ts'
import {
  defineProvider,
  type Model,
  type ModelPart,
  type ModelRequest,
  type Provider,
  ProviderError,
  type ToolSpec
} from './define.ts'
import { Exchange } from './exchange.ts'
import { failureOf } from './failure.ts'
import { type Endpoint, endpointOf, KINDS, type SdkOptions, type SdkPrompt } from './kinds.ts'
import { type WireNames, wireNames } from './names.ts'
import { Omissions } from './omissions.ts'
import { toPrompt } from './prompt.ts'
import { fitSchema } from './tool-schema.ts'

/** Members that requests of one call learn to leave out, one after the other. */
const MAX_OMISSIONS = 4

/** Every provider that is spoken to over the network, through its own package. */
export const networkProviders: readonly Provider[] = KINDS.map((kind) =>
  defineProvider({ name: kind.name, open: (settings) => new NetworkModel(endpointOf(kind, settings)) })
)

type SdkTool = NonNullable<SdkOptions['tools']>[number]

class NetworkModel implements Model {
  readonly provider: string
  readonly model: string
  readonly contextWindow: number
  readonly #endpoint: Endpoint
  readonly #omissions = new Omissions()
  /** Schemas of tools as the provider takes them; undefined for those that it cannot take. */
  readonly #schemas = new WeakMap<object, Record<string, unknown> | undefined>()
  /** Tools that the log has named as left out. */
  readonly #named = new Set<string>()

  constructor(endpoint: Endpoint) {
    this.provider = endpoint.kind.name
    this.model = endpoint.model
    this.contextWindow = endpoint.contextWindow
    this.#endpoint = endpoint
  }

  async *stream(request: ModelRequest): AsyncGenerator<ModelPart> {
    request.signal.throwIfAborted()
    for (let omitted = 0; ; omitted++) {
      const exchange = this.#exchange(request)
      let begun = false
      try {
        for await (const part of this.#call(request, exchange)) {
          begun = true
          yield part
        }
        return
      } catch (thrown) {
        const learned =
          begun || omitted === MAX_OMISSIONS || !(thrown instanceof ProviderError)
            ? undefined
            : this.#omissions.learn(thrown, exchange.sent)
        if (learned === undefined) throw thrown
        const { provider, model } = this
        const { detail } = thrown as ProviderError
        request.log?.warn(
          { provider, model, left: learned, reason: detail },
          'a model is asked without what its provider refused'
        )
      }
    }
  }

  close(): Promise<void> {
    return this.#endpoint.pool.close()
  }

  #exchange({ messages }: ModelRequest): Exchange {
    const { kind, pool, headers, parameters, files, secrets } = this.#endpoint
    return new Exchange({
      pool,
      headers,
      events: kind.events(),
      edit: (body) => this.#omissions.edit(body, parameters),
      context: { provider: this.provider, model: this.model, secrets },
      hasFiles: messages.some(
        (message) => message.role === 'user' && message.attachments?.some(({ mimeType }) => files.has(mimeType))
      )
    })
  }

  async *#call(request: ModelRequest, exchange: Exchange): AsyncGenerator<ModelPart> {
    const { provider, model } = this
    const { signal } = request
    // A signal of its own: the call also ends when its consumer stops reading.
    const call = new AbortController()
    const stop = () => call.abort(new DOMException('The model call was stopped', 'AbortError'))
    signal.addEventListener('abort', stop, { once: true })
    try {
      const connect = await this.#endpoint.connect()
      signal.throwIfAborted()
      const names = wireNames(request.tools)
      const answer = connect(exchange.fetch).doStream({ ...this.#options(request, names), abortSignal: call.signal })
      // It is awaited once the texts were read, and may have failed by then.
      answer.then(undefined, () => {})
      let spoke = false
      for await (const text of exchange.texts(answer)) {
        signal.throwIfAborted()
        if (text.type === 'text') spoke = true
        yield text
      }
      const { stream } = await answer
      yield* partsOf(stream, { signal, names, provider, spoke })
    } catch (thrown) {
      signal.throwIfAborted()
      const { secrets } = this.#endpoint
      throw exchange.failure ?? failureOf(thrown, { provider, model, secrets, now: Date.now() })
    } finally {
      signal.removeEventListener('abort', stop)
      // A consumer that stops reading must not leave a model talking.
      stop()
    }
  }

  #options(request: ModelRequest, names: WireNames): SdkOptions {
    const { kind, files, tools: takesTools, maxOutputTokens } = this.#endpoint
    const omissions = this.#omissions
    const tools = takesTools && !omissions.tools ? this.#tools(request, names) : []
    const chat = toPrompt(request.messages, { names, files, tools: tools.length > 0, oneText: kind.oneText === true })
    return {
      prompt: withSystem(request.system, chat, omissions.system),
      ...(tools.length > 0 && { tools }),
      // Calls are held back until the answer is whole: a member of each tool that only some servers know is not needed.
      providerOptions: { anthropic: { toolStreaming: false } },
      maxOutputTokens: Math.min(
        maxOutputTokens,
        request.maxOutputTokens ?? maxOutputTokens,
        omissions.answerTokens ?? maxOutputTokens
      )
    }
  }

  #tools({ tools, log }: ModelRequest, names: WireNames): SdkTool[] {
    const { kind } = this.#endpoint
    return tools.flatMap((tool): SdkTool[] => {
      const name = names.tool(tool.name)
      const inputSchema = this.#omissions.leavesOut(name) ? undefined : this.#schemaOf(tool)
      if (inputSchema !== undefined) {
        const description = tool.description.trim().slice(0, kind.maxDescription)
        return [{ type: 'function', name, inputSchema, ...(description !== '' && { description }) }]
      }
      if (!this.#named.has(tool.name)) {
        this.#named.add(tool.name)
        const { provider, model } = this
        log?.warn(
          { provider, model, tool: tool.name },
          'a tool is left out: the provider does not take the schema of its arguments'
        )
      }
      return []
    })
  }

  #schemaOf({ inputSchema }: ToolSpec): Record<string, unknown> | undefined {
    if (!this.#schemas.has(inputSchema)) this.#schemas.set(inputSchema, fitSchema(inputSchema, this.#endpoint.kind.propertyName))
    return this.#schemas.get(inputSchema)
  }
}

/** Templates of some models have no system role: its text then opens the first message of the user. */
function withSystem(system: string, chat: SdkPrompt, folded: boolean): SdkPrompt {
  if (system === '') return chat
  if (!folded) return [{ role: 'system', content: system }, ...chat]
  const [first, ...rest] = chat
  const text = { type: 'text' as const, text: system }
  return first?.role === 'user'
    ? [{ ...first, content: joined(text, first.content) }, ...rest]
    : [{ role: 'user', content: [text] }, ...chat]
}

type UserParts = Extract<SdkPrompt[number], { role: 'user' }>['content']

function joined(system: { readonly type: 'text'; readonly text: string }, [first, ...rest]: UserParts): UserParts {
  if (first === undefined) return [system]
  return first.type === 'text' ? [{ ...first, text: `${system.text}\n\n${first.text}` }, ...rest] : [system, first, ...rest]
}
