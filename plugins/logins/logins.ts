import { createHash, randomBytes } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { PluginStore } from '../../db/client.ts'
import type { Caller } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import { allows } from '../../rpc/registry.ts'
import type { Login, LoginOrigin, LoginRegistry } from '../auth/index.ts'
import type { GatewayInstance } from '../define.ts'

/** A login ends after 30 days: nothing about it is kept longer. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000
/** Logins that are listed. Beyond it the one used longest ago is forgotten; it still counts, and `revokeAll` still ends it. */
const MAX_LOGINS = 1000
/** Ended logins that are remembered. Each is kept for 30 days; beyond it all older logins of the token end too. */
const MAX_ENDED = 5000
/** Interval at which the time of the last use is written. */
const SEEN_EVERY_MS = 60 * 60 * 1000
/** Time in which a one-time code can be used. */
export const CODE_MS = 5 * 60 * 1000
/** Codes that are open at once. */
const MAX_CODES = 20

/** A login, with its last use. */
export interface KnownLogin extends Login, LoginOrigin {
  readonly lastSeenAt: number
}

interface LoginsOptions {
  readonly store: Pick<PluginStore, 'set' | 'delete' | 'list'>
  readonly log: Pick<FastifyBaseLogger, 'error'>
  readonly audit: Pick<GatewayInstance['audit'], 'record'>
  /** Called with the ids of logins that have ended. */
  readonly onEnded: (which: (id: string | undefined) => boolean) => void
  readonly now?: () => number
}

/** Logins of browsers, and the codes by which a further device logs in. */
export class Logins implements LoginRegistry {
  readonly #store: LoginsOptions['store']
  readonly #log: LoginsOptions['log']
  readonly #audit: LoginsOptions['audit']
  readonly #onEnded: LoginsOptions['onEnded']
  readonly #now: () => number
  readonly #known = new Map<string, KnownLogin>()
  /** Times of the end of single logins, by id. */
  readonly #ended = new Map<string, number>()
  /** Logins of a token that were issued until then have ended, by its name. */
  readonly #endedUntil = new Map<string, number>()
  /** Callers by the digest of their code. */
  readonly #codes = new Map<string, { readonly caller: Caller; readonly expiresAt: number }>()
  #writing: Promise<unknown> = Promise.resolve()

  constructor({ store, log, audit, onEnded, now = Date.now }: LoginsOptions) {
    this.#store = store
    this.#log = log
    this.#audit = audit
    this.#onEnded = onEnded
    this.#now = now
  }

  /** Reads what an earlier process stored. */
  async open(): Promise<void> {
    let after: string | undefined
    do {
      const page = await this.#store.list({ after, limit: 500 })
      for (const { key, value } of page.values) {
        const [kind, name] = [key.slice(0, key.indexOf(':')), key.slice(key.indexOf(':') + 1)]
        if (kind === 'login') this.#known.set(name, value as unknown as KnownLogin)
        else if (kind === 'ended') this.#ended.set(name, value as number)
        else this.#endedUntil.set(name, value as number)
      }
      after = page.next
    } while (after !== undefined)
    this.purge()
  }

  has(id: string): boolean {
    return this.#known.has(id)
  }

  ended({ id, token, issuedAt }: Login): boolean {
    return this.#ended.has(id) || issuedAt <= (this.#endedUntil.get(token) ?? Number.NEGATIVE_INFINITY)
  }

  /** A login was made or used. */
  seen(login: Login, origin: LoginOrigin, isNew: boolean): void {
    if (isNew) this.#audit.record('auth.login', `token:${login.token}`, { ...origin })
    const lastSeenAt = this.#now()
    const before = this.#known.get(login.id)
    const known = { ...login, ...origin, lastSeenAt }
    this.#known.delete(login.id)
    this.#known.set(login.id, known)
    if (this.#known.size > MAX_LOGINS) this.#forget([...this.#known.keys()][0]!)
    if (before === undefined || lastSeenAt - before.lastSeenAt >= SEEN_EVERY_MS) {
      this.#write(() => this.#store.set(`login:${login.id}`, { ...known }))
    }
  }

  /** Logins of a caller, or of all with the scope `admin`; used last first. */
  list(caller: Caller): KnownLogin[] {
    return [...this.#known.values()].filter((login) => !this.ended(login) && isOf(login, caller)).reverse()
  }

  /** Ends a login of the caller, or of anyone with the scope `admin`. Returns false when there is none. */
  async end(id: string, caller: Caller): Promise<boolean> {
    const login = this.#known.get(id)
    if (login === undefined || this.ended(login) || !isOf(login, caller)) return false
    await this.endAll([login])
    return true
  }

  /** Ends logins, and closes their sockets. Resolves when it is stored. */
  async endAll(logins: readonly Login[]): Promise<void> {
    for (const { id, token } of logins) {
      if (this.#ended.size >= MAX_ENDED) await this.#endUntil(token)
      this.#ended.set(id, this.#now())
      this.#forget(id)
      this.#audit.record('auth.logout', `token:${token}`)
      this.#write(() => this.#store.set(`ended:${id}`, this.#now()))
    }
    const ids = new Set(logins.map(({ id }) => id))
    this.#onEnded((id) => id !== undefined && ids.has(id))
    await this.#writing
  }

  /** Ends every login of the token of a caller, also those that are not listed. Returns how many were listed. */
  async revokeAll(caller: Caller): Promise<number> {
    const token = tokenOf(caller)
    const logins = [...this.#known.values()].filter((login) => login.token === token && !this.ended(login))
    await this.#endUntil(token)
    const ids = new Set(logins.map(({ id }) => id))
    for (const id of ids) this.#forget(id)
    this.#onEnded((id) => id !== undefined && ids.has(id))
    await this.#writing
    return logins.length
  }

  /** One-time code that logs a device in as the caller. @throws RpcError AgentBusy when too many are open */
  code(caller: Caller): { readonly code: string; readonly expiresAt: number } {
    this.purge()
    if (this.#codes.size >= MAX_CODES)
      throw new RpcError('AgentBusy', `${MAX_CODES} login codes are open: wait until they expire`)
    const code = randomBytes(32).toString('base64url')
    const expiresAt = this.#now() + CODE_MS
    this.#codes.set(digest(code), { caller, expiresAt })
    return { code, expiresAt }
  }

  /** Caller of a code, which counts once; undefined for a wrong, used or expired one. */
  redeem(code: string): Caller | undefined {
    const key = digest(code)
    const found = this.#codes.get(key)
    this.#codes.delete(key)
    return found !== undefined && found.expiresAt > this.#now() ? found.caller : undefined
  }

  /** Forgets what has expired. */
  purge(): void {
    const now = this.#now()
    for (const [key, { expiresAt }] of this.#codes) if (expiresAt <= now) this.#codes.delete(key)
    for (const { id, issuedAt } of this.#known.values()) if (issuedAt + KEPT_MS <= now) this.#forget(id)
    for (const [id, at] of this.#ended) {
      if (at + KEPT_MS > now) continue
      this.#ended.delete(id)
      this.#write(() => this.#store.delete(`ended:${id}`))
    }
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    await this.#writing
  }

  #forget(id: string): void {
    if (this.#known.delete(id)) this.#write(() => this.#store.delete(`login:${id}`))
  }

  async #endUntil(token: string): Promise<void> {
    // A cookie names whole seconds, and a second login within one has a later one.
    const issued = Array.from(this.#known.values()).filter((login) => login.token === token)
    const until = Math.max(this.#now(), ...issued.map(({ issuedAt }) => issuedAt))
    this.#endedUntil.set(token, until)
    this.#write(() => this.#store.set(`until:${token}`, until))
  }

  #write(write: () => Promise<unknown>): void {
    this.#writing = this.#writing.then(write).catch((err) => this.#log.error({ err }, 'failed to store a login'))
  }
}

function isOf({ token }: Login, caller: Caller): boolean {
  return token === tokenOf(caller) || allows(caller, 'admin')
}

function tokenOf({ id }: Caller): string {
  return id.startsWith('token:') ? id.slice('token:'.length) : ''
}

function digest(code: string): string {
  return createHash('sha256').update(code).digest('base64')
}
