import type { FastifyBaseLogger } from 'fastify'
import { RpcError } from '../../rpc/errors.ts'
import { NamedRegistry } from '../define.ts'
import type { Hooks } from '../hooks/index.ts'
import { isRefusal, type Model, type ModelPart, type ModelRequest, type Provider, ProviderError } from './define.ts'
import { EarlierFiles } from './earlier-files.ts'
import { brokenOff, failureOf } from './failure.ts'
import { KnownWindows } from './known-windows.ts'
import { type ModelsOfTier, ProviderSnapshot, type Tiers } from './provider-snapshot.ts'
import { withoutThinkTags } from './think-tags.ts'
import { withUsage } from './usage.ts'

/** The model that is asked first in a tier. */
export interface ModelDescription {
  readonly provider: string
  readonly model: string
  /** Tokens. */
  readonly contextWindow: number
  /** It is no real model, and clients should show that. */
  readonly offline: boolean
}

declare module '../hooks/hooks.ts' {
  interface Operations {
    /** A call of one model, part by part. A tier that falls back makes one call of each model. */
    'model.call': Operation<{ readonly provider: string; readonly model: string }, AsyncIterable<ModelPart>>
  }
}

/** Observer of model calls. A tier that falls back makes one call of each model; an aborted call has no end. */
export interface ModelCalls {
  asked(model: { readonly provider: string; readonly model: string }): void
  answered(end: Pick<Extract<ModelPart, { type: 'finish' }>, 'reason' | 'usage'>): void
  failed(message: string): void
}

/** Models of one configuration. Calls that belong together are all made with the same ones. */
export interface Models {
  tiers(): string[]
  /** Throws `InvalidRequest` for a tier that is not configured. */
  describe(tier: string): ModelDescription
  /**
   * One model call. A model that fails before its first part gives way to the next one of the tier. Throws an `RpcError`
   * (`InternalError`, with `data.retryable` and where known `data.retryAfterMs`) when there is none left or a part was
   * already out, `InvalidRequest` for a tier that is not configured, and the reason of `request.signal` once that is aborted.
   */
  stream(tier: string, request: ModelRequest, calls?: ModelCalls): AsyncGenerator<ModelPart>
}

/** The models of every tier, and how they become others. */
export class Providers implements Models {
  readonly #kinds = new NamedRegistry<Provider>('provider')
  readonly #log: Pick<FastifyBaseLogger, 'warn'>
  readonly #configured: Tiers
  /** Those that are retired and still held among them. */
  readonly #generations = new Set<ProviderSnapshot>()
  readonly #windows = new KnownWindows()
  readonly #files = new EarlierFiles()
  #generation: ProviderSnapshot | undefined
  readonly #hooks: Pick<Hooks, 'run'>

  constructor(configured: Tiers, log: Pick<FastifyBaseLogger, 'warn'>, hooks: Pick<Hooks, 'run'>) {
    this.#hooks = hooks
    this.#configured = configured
    this.#log = log
  }

  /** A kind of provider, by its name in the configuration. Before the gateway is ready. */
  add(provider: Provider): void {
    this.#kinds.add(provider)
  }

  /** Makes every configured model; no network. Throws an `Error` that names the setting which cannot work. */
  open(): void {
    this.#current()
  }

  /** Makes the models of another configuration. They take the place of these when it comes to be in force. */
  prepare(configured: Tiers): { commit(): void; discard(): void } {
    const next = new ProviderSnapshot(configured, this.#kinds)
    return {
      commit: () => {
        const retired = this.#generation
        this.#take(next)
        retired?.retire(() => this.#generations.delete(retired))
      },
      discard: () => next.retire(() => {})
    }
  }

  tiers(): string[] {
    return this.#current().tiers()
  }

  describe(tier: string): ModelDescription {
    return this.#describe(this.#current(), tier)
  }

  /** Every model of a tier, in the order in which they are tried. */
  describeAll(tier: string): ModelDescription[] {
    return modelsOf(this.#current(), tier).map((model) => this.#describeModel(model))
  }

  stream(tier: string, request: ModelRequest, calls?: ModelCalls): AsyncGenerator<ModelPart> {
    return this.#stream(this.#current(), tier, request, calls)
  }

  /** The models of now, whatever is configured later, until `release`, which is called once. */
  hold(): Models & { release(): void } {
    const generation = this.#current()
    generation.hold()
    return {
      tiers: () => generation.tiers(),
      describe: (tier) => this.#describe(generation, tier),
      stream: (tier, request, calls) => this.#stream(generation, tier, request, calls),
      release: () => generation.release()
    }
  }

  /** Ends the connections of all models. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#generations, (generation) => generation.close()))
  }

  #describe(generation: ProviderSnapshot, tier: string): ModelDescription {
    const [first] = modelsOf(generation, tier)
    return this.#describeModel(first)
  }

  #describeModel(candidate: Model): ModelDescription {
    const { provider, model } = candidate
    return { provider, model, contextWindow: this.#windows.of(candidate), offline: this.#kinds.get(provider)?.offline === true }
  }

  async *#stream(
    generation: ProviderSnapshot,
    tier: string,
    request: ModelRequest,
    calls?: ModelCalls
  ): AsyncGenerator<ModelPart> {
    const failures: ProviderError[] = []
    generation.hold()
    try {
      for (const candidate of modelsOf(generation, tier)) {
        const { provider, model } = candidate
        for (const reduced of this.#files.attempts(candidate, request)) {
          let started = false
          let finished = false
          calls?.asked({ provider, model })
          try {
            for await (const part of this.#ask(candidate, reduced)) {
              started = true
              finished = part.type === 'finish'
              if (part.type === 'finish') calls?.answered(part)
              yield part
            }
            if (!finished) throw brokenOff(provider)
            this.#files.succeeded(candidate, request, reduced)
            return
          } catch (thrown) {
            request.signal.throwIfAborted()
            const error = failureOf(thrown, { provider, model, secrets: generation.secrets(), now: Date.now() })
            const { status, retryable, detail } = error
            this.#log.warn({ tier, provider, model, status, retryable, reason: detail }, 'a model call failed')
            calls?.failed(error.message)
            failures.push(error.reason === 'too_long' ? this.#withWindow(error, candidate, reduced) : error)
            if (started) throw failed(failures)
            if (!isRefusal(error.reason)) break
          }
        }
      }
    } finally {
      generation.release()
    }
    throw failed(failures)
  }

  #withWindow(error: ProviderError, candidate: Model, request: ModelRequest): ProviderError {
    const window = this.#windows.lower(candidate, error, request)
    return new ProviderError(error.message, { ...error, tokens: { ...error.tokens, window } })
  }

  /** One call of one model. */
  #ask(candidate: Model, request: ModelRequest): AsyncIterable<ModelPart> {
    const { provider, model } = candidate
    const maxOutputTokens = this.#windows.answerTokens(candidate)
    const asked = { ...request, log: this.#log, ...(maxOutputTokens !== undefined && { maxOutputTokens }) }
    return this.#hooks.run('model.call', { provider, model }, () => withoutThinkTags(withUsage(candidate.stream(asked), request)))
  }

  /** Opened when it is first needed: a later plugin may add a kind of provider. */
  #current(): ProviderSnapshot {
    return this.#generation ?? this.#take(new ProviderSnapshot(this.#configured, this.#kinds))
  }

  #take(generation: ProviderSnapshot): ProviderSnapshot {
    this.#generations.add(generation)
    this.#generation = generation
    return generation
  }
}

function modelsOf(generation: ProviderSnapshot, tier: string): ModelsOfTier {
  const models = generation.get(tier)
  if (models !== undefined) return models
  throw new RpcError('InvalidRequest', `Unknown model tier: expected one of ${generation.tiers().join(', ')}`)
}

/**
 * The error of a call that no model of a tier has answered. Its cause is the refusal among the failures, where one is: that is what the
 * conversation can do something about. The client may try again as soon as the first model allows.
 */
function failed(failures: readonly ProviderError[]): RpcError {
  const waits = failures.flatMap(({ retryable, retryAfterMs }) => (retryable && retryAfterMs !== undefined ? [retryAfterMs] : []))
  const messages = [...new Set(failures.map(({ message }) => message))]
  return new RpcError('InternalError', messages.join('. '), {
    cause: failures.findLast(({ reason }) => isRefusal(reason)) ?? failures.at(-1),
    data: {
      retryable: failures.some(({ retryable }) => retryable),
      ...(waits.length > 0 && { retryAfterMs: Math.min(...waits) })
    }
  })
}
