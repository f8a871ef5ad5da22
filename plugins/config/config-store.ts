import type { FastifyBaseLogger } from 'fastify'
import { RpcError } from '../../rpc/errors.ts'
import type { Masker } from '../../security/masking/masker.ts'
import { type Change, changeTo } from './changes.ts'
import { checkWhole, complainTo } from './parse/checks.ts'
import { ConfigError, Problems } from './parse/problems.ts'
import { maskerOf, secretsOf, shownConfig } from './redaction.ts'
import type { Config } from './schema.ts'

/** Reloads that wait for their turn. The last of them will read whatever is there by then, so more would be of no use. */
export const MAX_WAITING = 16
/** Secrets that a reload has taken out of force. They may still work elsewhere, and stand in lines that were logged before. */
const MAX_RETIRED = 256
/** Problems that one answer tells. Whoever has more of them has another file in mind. */
const MAX_TOLD = 20

/** What a part has made ready for a configuration that is not in force yet. One of the two is called, and neither may throw. */
export interface Prepared {
  commit(): void
  discard?(): void
}

/** Throws an `Error` whose message says which setting cannot work; nothing is changed then. */
export type Preparation = (next: Config, current: Config) => Prepared | undefined | Promise<Prepared | undefined>

/** What a reload has done. */
export type Reloaded = Pick<Change, 'changed' | 'restartRequired'>

/** How a reload went, and who asked for it. */
export type Attempt = { readonly actor: string } & (Reloaded | { readonly refused: RpcError })

export interface ConfigStoreOptions {
  readonly config: Config
  /** Gathers the configuration anew. Throws a `ConfigError`. Absent: there is nothing it could be gathered from. */
  readonly read?: (() => Promise<Config>) | undefined
  readonly log: Pick<FastifyBaseLogger, 'error'>
  /** Called with the outcome of each reload. Must not throw. */
  readonly reloaded?: (attempt: Attempt) => void
}

/**
 * The configuration in force, and how it becomes another one. A reload goes: read → check → prepare → swap → tell. Up to the swap
 * anything that is wrong leaves everything as it was; the swap and what was prepared for it happen in one turn of the event loop.
 */
export class ConfigStore {
  #current: Config
  /** Made when it is first asked for. */
  #masker: Masker | undefined
  readonly #read: ConfigStoreOptions['read']
  readonly #log: ConfigStoreOptions['log']
  readonly #preparations: Preparation[] = []
  readonly #changeListeners: ((current: Config, previous: Config) => void)[] = []
  readonly #reloaded: (attempt: Attempt) => void
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  #retired: string[] = []

  constructor({ config, read, log, reloaded = () => {} }: ConfigStoreOptions) {
    this.#reloaded = reloaded
    this.#current = config
    this.#read = read
    this.#log = log
  }

  get current(): Config {
    return this.#current
  }

  /** Knows every secret of the configuration in force, and of those that were. */
  get masker(): Masker {
    this.#masker ??= maskerOf(this.#current, this.#retired)
    return this.#masker
  }

  /** The configuration in force, fit to be shown. */
  shown(): Record<string, unknown> {
    return shownConfig(this.#current, (text) => this.masker.mask(text).text)
  }

  /** `fn` makes ready what a configuration needs before it can be in force, or refuses it. */
  onPrepare(fn: Preparation): void {
    this.#preparations.push(fn)
  }

  /** `fn` is told as soon as another configuration is in force, in the order of registration. What it throws is logged. */
  onChange(fn: (current: Config, previous: Config) => void): void {
    this.#changeListeners.push(fn)
  }

  /**
   * Reads the configuration again and puts it in force. Two at once happen one after the other.
   * @param actor who wants it: the id of a caller, or what noticed a change
   * @throws RpcError InvalidRequest that names everything which is wrong; nothing is changed then. AgentBusy when too many wait
   */
  async reload(actor: string): Promise<Reloaded> {
    if (this.#waiting >= MAX_WAITING) {
      const message = `${MAX_WAITING} reloads are waiting: the last of them reads what is there now`
      throw new RpcError('AgentBusy', message, { data: { retryAfterMs: 1000 } })
    }
    this.#waiting++
    const reload = this.#last.then(() => {
      this.#waiting--
      return this.#reload(actor)
    })
    this.#last = reload.catch(() => {})
    return await reload
  }

  async #reload(actor: string): Promise<Reloaded> {
    try {
      if (!this.#read) throw embedded()
      const { config, ...reloaded } = await this.#prepared(await this.#read())
      this.#reloaded({ actor, ...reloaded })
      return reloaded
    } catch (cause) {
      const refused = refusal(cause, this.masker)
      this.#reloaded({ actor, refused })
      throw refused
    }
  }

  async #prepared(read: Config): Promise<Change> {
    const previous = this.#current
    const change = changeTo(previous, read)
    if (change.config === previous) return change
    checkTogether(change)
    const ready: Prepared[] = []
    try {
      for (const prepare of this.#preparations) ready.push((await prepare(change.config, previous)) ?? { commit() {} })
    } catch (cause) {
      for (const { discard } of ready) discard?.()
      throw cause instanceof ConfigError ? cause : new ConfigError([(cause as Error).message])
    }
    this.#current = change.config
    this.#retired = [...new Set([...secretsOf(previous), ...this.#retired])].slice(0, MAX_RETIRED)
    this.#masker = undefined
    for (const { commit } of ready) commit()
    this.#tell(this.#changeListeners, change.config, previous)
    return change
  }

  /** One that fails keeps nothing from the others: what they are told of has happened. */
  #tell<A extends unknown[]>(listeners: readonly ((...args: A) => void)[], ...args: A): void {
    for (const listener of listeners) {
      try {
        listener(...args)
      } catch (err) {
        this.#log.error({ err }, 'a part of the gateway failed to take a change of its configuration')
      }
    }
  }
}

/** What waits for a restart and what does not are in force together until then. */
function checkTogether({ config, restartRequired }: Change): void {
  if (restartRequired.length === 0) return
  const problems = new Problems()
  checkWhole(
    config,
    complainTo(problems, () => 'until the restart:')
  )
  problems.throw()
}

function embedded(): RpcError {
  return new RpcError(
    'InvalidRequest',
    'This gateway was given its configuration by the program that it is embedded in, and there is nothing to read it from again'
  )
}

/**
 * A host's own way of reading may fail in any way, and say anything: only what is wrong with a configuration is told. Problems quote
 * what has no business where it was written, and that may be one of the secrets.
 */
function refusal(cause: unknown, masker: Masker): RpcError {
  if (cause instanceof RpcError) return cause
  if (!(cause instanceof ConfigError)) {
    return new RpcError('InternalError', 'The configuration could not be read again; nothing was changed', { cause })
  }
  const problems = cause.problems.map((problem) => masker.mask(problem).text)
  const told = problems.slice(0, MAX_TOLD).map((problem) => `\n  ${problem}`)
  const more = problems.length > MAX_TOLD ? `\n  and ${problems.length - MAX_TOLD} more` : ''
  return new RpcError('InvalidRequest', `The configuration is not valid, nothing was changed:${told.join('')}${more}`, {
    data: { problems: problems.slice(0, MAX_TOLD) }
  })
}
