import type { wrapLanguageModel } from 'ai'
import type { ModelSettings } from './define.ts'
import { patientFetch } from './fetch.ts'

/** A model of the SDK, not yet asked anything. */
export type SdkModel = Parameters<typeof wrapLanguageModel>[0]['model']

/** What a provider's package needs to know. Everything is given, so that it looks for nothing in the environment. */
interface Connection {
  readonly apiKey: string | undefined
  readonly baseURL: string
  readonly model: string
  readonly fetch: typeof fetch
}

/** A kind of API, and what is usual there. */
export interface Kind {
  readonly name: string
  /** Where it is unless `base_url` says otherwise; absent: it must. */
  readonly baseUrl?: string
  /** Without a `base_url` it cannot be used without a key. */
  readonly keyed?: boolean
  /** Tokens, unless `context_window` says otherwise. */
  readonly contextWindow: number
  /** MIME types it takes as files. */
  readonly files: readonly string[]
  /** Loads the provider's package: on the first call, not at start. */
  connect(connection: Connection): Promise<SdkModel>
}

/** One configured model, and how to get at it. */
export interface Endpoint {
  readonly provider: string
  readonly model: string
  /** Tokens. */
  readonly contextWindow: number
  /** Tokens. */
  readonly maxOutputTokens: number
  readonly files: ReadonlySet<string>
  /** What must never be shown. */
  readonly secrets: readonly string[]
  connect(): Promise<SdkModel>
  /** Ends the connections that calls have left open. */
  close(): Promise<void>
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
    async connect({ apiKey = '', model, ...options }) {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      return createAnthropic({ ...options, apiKey })(model)
    }
  },
  {
    name: 'openai',
    baseUrl: 'https://api.openai.com/v1',
    keyed: true,
    contextWindow: 128_000,
    files: [...IMAGES, ...DOCUMENTS],
    async connect({ apiKey = '', model, ...options }) {
      const { createOpenAI } = await import('@ai-sdk/openai')
      // `.chat`: the bare call would speak the Responses API.
      return createOpenAI({ ...options, apiKey }).chat(model)
    }
  },
  compatible({ name: 'openai_compatible', contextWindow: 32_768 }),
  compatible({ name: 'ollama', baseUrl: 'http://127.0.0.1:11434/v1', contextWindow: 8192 }),
  compatible({ name: 'llamacpp', baseUrl: 'http://127.0.0.1:8080/v1', contextWindow: 8192 })
]

function compatible(kind: Pick<Kind, 'name' | 'baseUrl' | 'contextWindow'>): Kind {
  return {
    ...kind,
    files: IMAGES,
    async connect({ apiKey, model, ...options }) {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      // Without `includeUsage` no server reports any.
      return createOpenAICompatible({ ...options, name: kind.name, includeUsage: true, ...(apiKey && { apiKey }) })(model)
    }
  }
}

/** What current models take at once, and a quarter of a small window: the rest is for the question. */
const answerTokens = (contextWindow: number): number => Math.min(8192, Math.floor(contextWindow / 4))

/** `models.<tier>.<provider>` of the configuration, checked; throws what `Provider.open` is to throw. */
export function endpointOf(kind: Kind, settings: ModelSettings): Endpoint {
  const { apiKey, model } = settings
  if (model === undefined) throw new Error('model must be set')
  if (kind.keyed && apiKey === undefined && settings.baseUrl === undefined) throw new Error('api_key must be set')
  const baseURL = baseUrlOf(settings.baseUrl ?? kind.baseUrl)
  const contextWindow = settings.contextWindow ?? kind.contextWindow
  const { fetch, close } = patientFetch()
  return {
    provider: kind.name,
    model,
    contextWindow,
    maxOutputTokens: settings.maxOutputTokens ?? answerTokens(contextWindow),
    files: new Set(kind.files),
    secrets: apiKey === undefined ? [] : [apiKey],
    connect: () => kind.connect({ apiKey, baseURL, model, fetch }),
    close
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
