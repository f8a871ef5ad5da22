import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { RpcError } from '../../rpc/errors.ts'
import type { Masker } from '../../security/masking/masker.ts'
import { type Change, changeTo } from './changes.ts'
import { describeSettings, digestOf, type Setting, valueAt } from './description.ts'
import { checkWhole, complainTo } from './parse/checks.ts'
import { originOf } from './parse/load.ts'
import { ConfigError, Problems } from './parse/problems.ts'
import { maskerOf, secretsOf, shownConfig } from './redaction.ts'
import type { Config } from './schema.ts'

/** Reloads that wait for their turn. More would be useless: the last one reads the newest file anyway. */
export const MAX_WAITING = 16
/** Secrets that a reload has replaced. They may still be valid elsewhere, and are in older log lines. */
const MAX_RETIRED = 256
/** Problems that one answer lists. */
const MAX_TOLD = 20

/** Preparation of a part for a configuration that is not in force yet. Exactly one of the two is called; neither may throw. */
export interface Prepared {
  commit(): void
  discard?(): void
}

/** Throws an `Error` whose message names the setting that cannot work; nothing changes then. */
export type Preparation = (next: Config, current: Config) => Prepared | undefined | Promise<Prepared | undefined>

/** Changes that a reload would make. Values are without secrets. */
export interface Preview {
  readonly changes: readonly {
    readonly path: string
    readonly before: unknown
    readonly after: unknown
    readonly needsRestart: boolean
  }[]
  /** For `reload`. Means something to this process alone. */
  readonly hash: string
}

/** Result of a reload. */
export type Reloaded = Pick<Change, 'changed' | 'restartRequired'>

/** Outcome of a reload, and its initiator. */
export type Attempt = { readonly actor: string } & (Reloaded | { readonly refused: RpcError })

export interface ConfigStoreOptions {
  readonly config: Config
  /** Reads the configuration again. Throws a `ConfigError`. Absent in a gateway that cannot reload. */
  readonly read?: (() => Promise<Config>) | undefined
  readonly log: Pick<FastifyBaseLogger, 'error'>
  /** Called with the outcome of each reload. Must not throw. */
  readonly reloaded?: (attempt: Attempt) => void
}

/**
 * The configuration in force, and its reload: read → check → prepare → swap → notify. Up to the swap an error leaves everything
 * as it was; the swap and the prepared parts take effect in one turn of the event loop.
 */
export class ConfigStore {
  #current: Config
  /** As it was read last: it knows where each value is written. */
  #written: Config
  /** Of digests: nothing can be learned from them outside of this process. */
  readonly #key = randomUUID()
  /** Made at its first use. */
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
    this.#written = config
    this.#read = read
    this.#log = log
  }

  get current(): Config {
    return this.#current
  }

  /** Masks every secret of the configuration in force and of earlier ones. */
  get masker(): Masker {
    this.#masker ??= maskerOf(this.#current, this.#retired)
    return this.#masker
  }

  /** The configuration in force without its secrets. */
  shown(): Record<string, unknown> {
    return shownConfig(this.#current, (text) => this.masker.mask(text).text)
  }

  /** Every setting with its value, its default and its place. Secrets are not shown. */
  describe(): Setting[] {
    return describeSettings(this.#current, this.shown(), originOf(this.#written).writtenAt)
  }

  /**
   * Reads the configuration again, and tells what a reload would change. Nothing is put in force.
   * @throws RpcError as `reload` does
   */
  async preview(): Promise<Preview> {
    try {
      if (!this.#read) throw embedded()
      const read = await this.#read()
      const change = keepingLogin(this.#current, changeTo(this.#current, read))
      checkTogether(change)
      await this.#try(change.config)
      const mask = maskerOf(read, [...secretsOf(this.#current), ...this.#retired])
      const [before, after] = [this.#current, read].map((config) => shownConfig(config, (text) => mask.mask(text).text))
      const changes = [...change.changed, ...change.restartRequired].map((path) => ({
        path,
        before: valueAt(before, path) ?? null,
        after: valueAt(after, path) ?? null,
        needsRestart: change.restartRequired.includes(path)
      }))
      return { changes, hash: digestOf(read, this.#key) }
    } catch (cause) {
      throw refusal(cause, this.masker)
    }
  }

  /** Lets every part refuse a configuration that is not put in force. */
  async #try(config: Config): Promise<void> {
    if (config === this.#current) return
    const ready: Prepared[] = []
    try {
      for (const prepare of this.#preparations) ready.push((await prepare(config, this.#current)) ?? { commit() {} })
    } catch (cause) {
      throw cause instanceof ConfigError ? cause : new ConfigError([(cause as Error).message])
    } finally {
      for (const { discard } of ready) discard?.()
    }
  }

  /** Registers a preparation: it makes a part ready for a configuration, or refuses it. */
  onPrepare(fn: Preparation): void {
    this.#preparations.push(fn)
  }

  /** Registers a listener for changes, called in the order of registration. What it throws is logged. */
  onChange(fn: (current: Config, previous: Config) => void): void {
    this.#changeListeners.push(fn)
  }

  /**
   * Reads the configuration again and puts it in force. Concurrent reloads run one after the other.
   * @param actor initiator: the id of a caller, `file` or `SIGHUP`
   * @param baseHash of a preview: the configuration must be the same as then
   * @throws RpcError InvalidRequest that lists all problems, or for another hash; nothing changes then. AgentBusy when too many wait
   */
  async reload(actor: string, baseHash?: string): Promise<Reloaded> {
    if (this.#waiting >= MAX_WAITING) {
      const message = `${MAX_WAITING} reloads are waiting already. The last of them will read the current file`
      throw new RpcError('AgentBusy', message, { data: { retryAfterMs: 1000 } })
    }
    this.#waiting++
    const reload = this.#last.then(() => {
      this.#waiting--
      return this.#reload(actor, baseHash)
    })
    this.#last = reload.catch(() => {})
    return await reload
  }

  async #reload(actor: string, baseHash: string | undefined): Promise<Reloaded> {
    try {
      if (!this.#read) throw embedded()
      const read = await this.#read()
      if (baseHash !== undefined && digestOf(read, this.#key) !== baseHash) throw changedSince()
      const { config, ...reloaded } = await this.#prepared(read)
      this.#written = read
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
    const change = keepingLogin(previous, changeTo(previous, read))
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

  /** A listener that fails does not keep the change from the others. */
  #tell<A extends unknown[]>(listeners: readonly ((...args: A) => void)[], ...args: A): void {
    for (const listener of listeners) {
      try {
        listener(...args)
      } catch (err) {
        this.#log.error({ err }, 'failed to apply a configuration change')
      }
    }
  }
}

/**
 * Keeps the tokens when all of them are gone: a reload never turns the login off, since an emptied or truncated file would open the
 * gateway. A restart does.
 */
function keepingLogin({ server: before }: Config, change: Change): Change {
  const { server } = change.config
  const hadLogin = before.token !== undefined || before.tokens.length > 0
  if (!hadLogin || server.token !== undefined || server.tokens.length > 0) return change
  const { token, tokens } = before
  const config = Object.freeze({
    ...change.config,
    server: Object.freeze({ ...server, ...(token !== undefined && { token }), tokens })
  })
  const isToken = (path: string) => path === 'server.token' || path.startsWith('server.tokens')
  return {
    config,
    changed: change.changed.filter((path) => !isToken(path)),
    restartRequired: [...change.restartRequired, ...change.changed.filter(isToken)]
  }
}

/** Checks the mix of new values and of running values that wait for a restart. */
function checkTogether({ config, restartRequired }: Change): void {
  if (restartRequired.length === 0) return
  const problems = new Problems()
  checkWhole(
    config,
    complainTo(problems, () => 'until the restart:')
  )
  problems.throw()
}

function changedSince(): RpcError {
  return new RpcError(
    'InvalidRequest',
    'The configuration has changed since the preview, nothing was changed: look at a new preview',
    {
      statusCode: 409
    }
  )
}

function embedded(): RpcError {
  return new RpcError(
    'InvalidRequest',
    'This gateway cannot reload: its configuration comes from the program that embeds it. Pass `reload` beside `config`'
  )
}

/**
 * Error for the caller. Only the problems of a `ConfigError` are shown: a host's own reader may fail with any text. They are masked,
 * since a problem quotes the value it is about, which may be a misplaced secret.
 */
function refusal(cause: unknown, masker: Masker): RpcError {
  if (cause instanceof RpcError) return cause
  if (!(cause instanceof ConfigError)) {
    return new RpcError('InternalError', 'Failed to read the configuration; nothing was changed', { cause })
  }
  const problems = cause.problems.map((problem) => masker.mask(problem).text)
  const told = problems.slice(0, MAX_TOLD).map((problem) => `\n  ${problem}`)
  const more = problems.length > MAX_TOLD ? `\n  and ${problems.length - MAX_TOLD} more` : ''
  return new RpcError('InvalidRequest', `The configuration is not valid, nothing was changed:${told.join('')}${more}`, {
    data: { problems: problems.slice(0, MAX_TOLD) }
  })
}
