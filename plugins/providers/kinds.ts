import type { OpenAIProvider } from '@ai-sdk/openai'
import { ChatEvents } from './chat-events.ts'
import { ConnectionPool } from './connection-pool.ts'
import type { ModelSettings } from './define.ts'
import { loadOnce } from './load.ts'
import { MessageEvents } from './message-events.ts'
import type { WireEvents } from './wire-events.ts'

/** A model of a provider's package. Its own `doStream` is called: one request, no retries, no loop over tools. */
export type SdkModel = Pick<ReturnType<OpenAIProvider['chat']>, 'doStream'>
export type SdkOptions = Parameters<SdkModel['doStream']>[0]
export type SdkPrompt = SdkOptions['prompt']
export type SdkPart = Awaited<ReturnType<SdkModel['doStream']>>['stream'] extends ReadableStream<infer Part> ? Part : never

/** Everything that a provider's package is given, so that it looks for nothing in the environment. */
interface Connection {
  readonly apiKey: string | undefined
  readonly baseURL: string
  readonly model: string
}

/** Makes the model for one call: with the `fetch` of that call. */
export type Connect = (fetch: typeof globalThis.fetch) => SdkModel

/** A kind of API and its defaults. */
export interface Kind {
  readonly name: string
  /** Address of the API unless `base_url` says otherwise; absent: `base_url` is required. */
  readonly baseUrl?: string
  /** Without a `base_url` it cannot be used without a key. */
  readonly keyed?: boolean
  /** Tokens, unless `context_window` says otherwise. */
  readonly contextWindow: number
  /** MIME types it takes as files. */
  readonly files: readonly string[]
  /** Names that it takes for the properties of a tool's arguments. */
  readonly propertyName?: RegExp
  /** It speaks chat completions, whose servers take the texts of a message as one. */
  readonly oneText?: boolean
  /** Characters of a tool's description that it takes. */
  readonly maxDescription?: number
  /** Loads the provider's package: on the first call, not at start. */
  load(connection: Connection): Promise<Connect>
  /** Reader of one answer. */
  events(): WireEvents
}

/** One configured model, and how to get at it. */
export interface Endpoint {
  readonly kind: Kind
  readonly model: string
  /** Tokens. */
  readonly contextWindow: number
  /** Tokens. */
  readonly maxOutputTokens: number
  readonly files: ReadonlySet<string>
  /** `false`: it gets no tools. */
  readonly tools: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, unknown>>
  /** Never shown. */
  readonly secrets: readonly string[]
  readonly pool: ConnectionPool
  readonly connect: () => Promise<Connect>
}

const IMAGES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp']
const DOCUMENTS = ['application/pdf']

/** Every API that is spoken to over the network. */
export const KINDS: readonly Kind[] = [
  {
    name: 'anthropic',
    baseUrl: 'https://api.anthropic.com/v1',
    keyed: true,
    contextWindow: 200_000,
    files: [...IMAGES, ...DOCUMENTS],
    propertyName: /^[A-Za-z0-9_.-]{1,64}$/,
    async load({ apiKey = '', model, baseURL }) {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      return (fetch) => createAnthropic({ baseURL, apiKey, fetch })(model)
    },
    events: () => new MessageEvents()
  },
  {
    name: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    keyed: true,
    contextWindow: 128_000,
    files: [...IMAGES, ...DOCUMENTS],
    oneText: true,
    maxDescription: 1024,
    async load({ apiKey = '', model, baseURL }) {
      const { createOpenAI } = await import('@ai-sdk/openai')
      // `.chat`: the bare call would speak the Responses API.
      return (fetch) => createOpenAI({ baseURL, apiKey, fetch }).chat(model)
    },
    events: () => new ChatEvents()
  },
  compatible({ name: 'openai_compatible', contextWindow: 32_768 }),
  compatible({ name: 'ollama', baseUrl: 'http://127.0.0.1:11434/v1', contextWindow: 8192 }),
  compatible({ name: 'llamacpp', baseUrl: 'http://127.0.0.1:8080/v1', contextWindow: 8192 })
]

function compatible(kind: Pick<Kind, 'name' | 'baseUrl' | 'contextWindow'>): Kind {
  return {
    ...kind,
    files: IMAGES,
    oneText: true,
    maxDescription: 1024,
    async load({ apiKey, model, baseURL }) {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      // Without `includeUsage` no server reports any.
      const options = { baseURL, name: kind.name, includeUsage: true, ...(apiKey && { apiKey }) }
      return (fetch) => createOpenAICompatible({ ...options, fetch })(model)
    },
    events: () => new ChatEvents()
  }
}

/** The limit of current models, or a quarter of a small window: the rest is for the question. */
const answerTokens = (contextWindow: number): number => Math.min(8192, Math.floor(contextWindow / 4))

/** `models.<tier>.<provider>` of the configuration, checked. Throws as `Provider.open` has to. */
export function endpointOf(kind: Kind, settings: ModelSettings): Endpoint {
  const { apiKey, model, vision = true, tools = true, headers = {}, parameters = {} } = settings
  if (model === undefined) throw new Error('model must be set')
  if (kind.keyed && apiKey === undefined && settings.baseUrl === undefined) throw new Error('api_key must be set')
  const baseURL = baseUrlOf(settings.baseUrl ?? kind.baseUrl)
  const contextWindow = settings.contextWindow ?? kind.contextWindow
  return {
    kind,
    model,
    contextWindow,
    maxOutputTokens: settings.maxOutputTokens ?? answerTokens(contextWindow),
    files: new Set(vision ? kind.files : []),
    tools,
    headers,
    parameters,
    secrets: [...(apiKey === undefined ? [] : [apiKey]), ...Object.values(headers)],
    pool: new ConnectionPool(),
    connect: loadOnce(() => kind.load({ apiKey, baseURL, model }))
  }
}

/** `https://host` is read as `https://host/v1`, where all of them have their API. */
function baseUrlOf(written: string | undefined): string {
  if (written === undefined) throw new Error('base_url must be set')
  const url = URL.parse(written)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new Error('base_url must be a URL that starts with http:// or https://')
  if (url.username || url.password) throw new Error('base_url must not contain a user name or password: use api_key')
  if (url.search || url.hash) throw new Error('base_url must not contain a query or fragment')
  return `${url.origin}${url.pathname === '/' ? '/v1' : url.pathname}`
}
