import type { NamedRegistry } from '../define.ts'
import type { Model, ModelSettings, Provider } from './define.ts'

/** `models` of the configuration: by tier and provider, in the order written. */
export type Tiers = Readonly<Record<string, Readonly<Record<string, ModelSettings>>>>

export type ModelsOfTier = readonly [Model, ...Model[]]

/**
 * The models of one configuration. After a reload there is another snapshot. Holders of this one go on with it; its connections end
 * with the last release.
 */
export class ProviderSnapshot {
  readonly #configured: Tiers
  readonly #tiers: ReadonlyMap<string, ModelsOfTier>
  #holders = 0
  /** Set once another one has taken its place: is called when it is closed. */
  #onGone: (() => void) | undefined
  #closed: Promise<void> | undefined

  /** Makes every model; no network. Throws an `Error` that names the setting which cannot work. */
  constructor(configured: Tiers, kinds: NamedRegistry<Provider>) {
    this.#configured = Object.keys(configured).length > 0 ? configured : { default: { offline: {} } }
    if (!Object.hasOwn(this.#configured, 'default')) throw new Error('models.default must be set when another tier is')
    this.#tiers = new Map(Object.entries(this.#configured).map(([tier, providers]) => [tier, openTier(tier, providers, kinds)]))
  }

  tiers(): string[] {
    return [...this.#tiers.keys()]
  }

  get(tier: string): ModelsOfTier | undefined {
    return this.#tiers.get(tier)
  }

  secrets(): string[] {
    return Object.values(this.#configured).flatMap((providers) => Object.values(providers).flatMap(({ apiKey }) => apiKey ?? []))
  }

  hold(): void {
    this.#holders++
  }

  release(): void {
    this.#holders--
    this.#closeUnheld()
  }

  /** It is not to be used by anybody new. `onGone` is called once its connections are ended. */
  retire(onGone: () => void): void {
    this.#onGone = onGone
    this.#closeUnheld()
  }

  /** Ends the connections of all models. */
  close(): Promise<void> {
    this.#closed ??= Promise.all([...this.#tiers.values()].flat().map((model) => model.close?.())).then(() => {})
    return this.#closed
  }

  #closeUnheld(): void {
    if (this.#onGone && this.#holders === 0) this.close().then(this.#onGone, this.#onGone)
  }
}

function openTier(
  tier: string,
  providers: Readonly<Record<string, ModelSettings>>,
  kinds: NamedRegistry<Provider>
): [Model, ...Model[]] {
  const [first, ...others] = Object.entries(providers).map(([name, settings]) =>
    openModel(`models.${tier}.${name}`, kinds, name, settings)
  )
  if (first === undefined) throw new Error(`models.${tier} must name at least one provider`)
  return [first, ...others]
}

function openModel(path: string, kinds: NamedRegistry<Provider>, name: string, settings: ModelSettings): Model {
  const kind = kinds.get(name)
  if (kind === undefined) {
    const known = kinds.list().map(({ name }) => name)
    throw new Error(`${path}: unknown provider, expected one of ${known.join(', ')}`)
  }
  try {
    return kind.open(settings)
  } catch (error) {
    throw new Error(`${path}.${(error as Error).message}`)
  }
}
