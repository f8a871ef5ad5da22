import type { FastifyBaseLogger } from 'fastify'
import { RpcError } from '../../rpc/errors.ts'
import { Collection, gatewayPlugin } from '../../types.ts'
import { type Model, type ModelPart, type ModelRequest, type ModelSettings, type Provider, ProviderError } from './define.ts'
import { failureOf } from './failure.ts'
import { networkProviders } from './models.ts'
import { offlineProvider } from './offline.ts'

/** `models` of the configuration: by tier and provider, in the order written. */
export type Tiers = Readonly<Record<string, Readonly<Record<string, ModelSettings>>>>

/** The model that is asked first in a tier. */
export interface ModelDescription {
  readonly provider: string
  readonly model: string
  /** Tokens. */
  readonly contextWindow: number
  /** It is no real model: people should be told. */
  readonly offline: boolean
}

/** The models of every tier. */
export class Providers {
  readonly #kinds = new Collection<Provider>('provider')
  readonly #configured: Tiers
  readonly #log: Pick<FastifyBaseLogger, 'warn'>
  #tiers: ReadonlyMap<string, readonly [Model, ...Model[]]> | undefined

  constructor(configured: Tiers, log: Pick<FastifyBaseLogger, 'warn'>) {
    this.#configured = Object.keys(configured).length > 0 ? configured : { default: { offline: {} } }
    this.#log = log
  }

  /** A kind of provider, by its name in the configuration. Before the gateway is ready. */
  add(provider: Provider): void {
    this.#kinds.add(provider)
  }

  /** Makes every configured model; no network. Throws an `Error` that names the setting which cannot work. */
  open(): void {
    this.#opened()
  }

  tiers(): string[] {
    return [...this.#opened().keys()]
  }

  /** Throws `InvalidRequest` for a tier that is not configured. */
  describe(tier: string): ModelDescription {
    const [{ provider, model, contextWindow }] = this.#modelsOf(tier)
    return { provider, model, contextWindow, offline: this.#kinds.get(provider)?.offline === true }
  }

  /**
   * One model call. A model that fails before its first part gives way to the next one of the tier. Throws an `RpcError`
   * (`InternalError`, with `data.retryable` and where known `data.retryAfterMs`) when there is none left or a part was
   * already out, `InvalidRequest` for a tier that is not configured, and the reason of `request.signal` once that is aborted.
   * `asking` is told which model is asked, the last one being the one that answers.
   */
  async *stream(
    tier: string,
    request: ModelRequest,
    asking: (model: { readonly provider: string; readonly model: string }) => void = () => {}
  ): AsyncGenerator<ModelPart> {
    const failures: ProviderError[] = []
    for (const candidate of this.#modelsOf(tier)) {
      const { provider, model } = candidate
      asking({ provider, model })
      let started = false
      let finished = false
      try {
        for await (const part of candidate.stream(request)) {
          started = true
          finished = part.type === 'finish'
          yield part
        }
        if (finished) return
        throw new ProviderError(`The model provider ${provider} broke off its answer: try again`, { retryable: true })
      } catch (thrown) {
        request.signal.throwIfAborted()
        const error = failureOf(thrown, { provider, model, secrets: this.#secrets(), now: Date.now() })
        const { status, retryable, detail } = error
        this.#log.warn({ tier, provider, model, status, retryable, reason: detail }, 'a model call failed')
        failures.push(error)
        if (started) break
      }
    }
    throw failed(failures)
  }

  /** Ends the connections of all models. */
  async close(): Promise<void> {
    await Promise.all([...(this.#tiers?.values() ?? [])].flat().map((model) => model.close?.()))
  }

  #modelsOf(tier: string): readonly [Model, ...Model[]] {
    const models = this.#opened().get(tier)
    if (models !== undefined) return models
    throw new RpcError('InvalidRequest', `Unknown model tier: expected one of ${this.tiers().join(', ')}`)
  }

  #opened(): ReadonlyMap<string, readonly [Model, ...Model[]]> {
    if (!Object.hasOwn(this.#configured, 'default')) throw new Error('models.default must be set when another tier is')
    this.#tiers ??= new Map(Object.entries(this.#configured).map(([tier, providers]) => [tier, this.#openTier(tier, providers)]))
    return this.#tiers
  }

  #openTier(tier: string, providers: Readonly<Record<string, ModelSettings>>): [Model, ...Model[]] {
    const [first, ...others] = Object.entries(providers).map(([name, settings]) =>
      this.#openModel(`models.${tier}.${name}`, name, settings)
    )
    if (first === undefined) throw new Error(`models.${tier} must name at least one provider`)
    return [first, ...others]
  }

  #openModel(path: string, name: string, settings: ModelSettings): Model {
    const kind = this.#kinds.get(name)
    if (kind === undefined) {
      const known = this.#kinds.list().map(({ name }) => name)
      throw new Error(`${path}: unknown provider, expected one of ${known.join(', ')}`)
    }
    try {
      return kind.open(settings)
    } catch (error) {
      throw new Error(`${path}.${(error as Error).message}`)
    }
  }

  #secrets(): string[] {
    return Object.values(this.#configured).flatMap((providers) => Object.values(providers).flatMap(({ apiKey }) => apiKey ?? []))
  }
}

/** What the client is told when no model of a tier has answered. It may try again as soon as the first of them allows. */
function failed(failures: readonly ProviderError[]): RpcError {
  const waits = failures.flatMap(({ retryable, retryAfterMs }) => (retryable && retryAfterMs !== undefined ? [retryAfterMs] : []))
  return new RpcError('InternalError', failures.map(({ message }) => message).join('. '), {
    cause: failures.at(-1),
    data: {
      retryable: failures.some(({ retryable }) => retryable),
      ...(waits.length > 0 && { retryAfterMs: Math.min(...waits) })
    }
  })
}

export default gatewayPlugin({ name: 'providers', dependencies: ['config'] }, async (app) => {
  const providers = new Providers(app.config.models, app.log)
  for (const provider of [...networkProviders, offlineProvider]) providers.add(provider)
  app.decorate('providers', providers)
  app.addHook('onClose', () => providers.close())
  // Not before: a later plugin may add a kind of provider.
  app.addHook('onReady', async () => {
    providers.open()
    const { offline } = providers.describe('default')
    if (offline) app.log.warn('the offline model answers: set models.default.<provider> to talk to a real one')
  })
})
