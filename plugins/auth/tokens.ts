import { createHash, timingSafeEqual } from 'node:crypto'
import { type Caller, SCOPES, type Scope } from '../../rpc/define.ts'

export interface TokenSettings {
  /** `server.token`: all scopes, named `default`. */
  readonly token?: string | undefined
  /** `server.tokens` */
  readonly tokens?:
    | ReadonlyArray<{ readonly name: string; readonly token: string; readonly scopes: readonly Scope[] }>
    | undefined
}

export interface Token {
  readonly name: string
  readonly secret: string
  readonly caller: Caller
}

/** The configured tokens. The configuration lets none pass that is empty, or that could be mistaken for another one. */
export class Tokens {
  readonly #list: ReadonlyArray<Token & { readonly digest: Uint8Array }>

  /** @param before the tokens until now: one that is the same in everything has the same caller */
  constructor({ token, tokens = [] }: TokenSettings, before?: Tokens) {
    const all = [...(token === undefined ? [] : [{ name: 'default', token, scopes: SCOPES }]), ...tokens]
    this.#list = all.map(({ name, token: secret, scopes }) => {
      const made = { id: `token:${name}`, scopes: new Set(scopes) }
      const known = before?.named(name)
      const caller = known?.secret === secret && equal(known.caller.scopes, made.scopes) ? known.caller : made
      return { name, secret, caller, digest: sha256(secret) }
    })
  }

  get none(): boolean {
    return this.#list.length === 0
  }

  named(name: string): Token | undefined {
    return this.#list.find((token) => token.name === name)
  }

  /** The token of a caller; undefined when it has none, or not any more. */
  of(caller: Caller): Token | undefined {
    return this.#list.find((token) => token.caller === caller)
  }

  /** True if this very object is the caller of a token. */
  include(caller: Caller): boolean {
    return this.#list.some((token) => token.caller === caller)
  }

  /** Callers of these tokens that `other` does not have: their token was removed, or its secret or scopes changed. */
  missingFrom(other: Tokens): Caller[] {
    return this.#list.map(({ caller }) => caller).filter((caller) => !other.include(caller))
  }

  /**
   * The token that one of the readings of a credential spells. Digests make unequal lengths comparable in constant time,
   * and every token is compared whatever was found before, so that timing tells nothing about the list.
   */
  find(readings: ReadonlyArray<string | Uint8Array>): Token | undefined {
    const digests = readings.map(sha256)
    let found: Token | undefined
    for (const token of this.#list) {
      for (const digest of digests) {
        if (timingSafeEqual(token.digest, digest)) found = token
      }
    }
    return found
  }
}

function equal(one: ReadonlySet<Scope>, other: ReadonlySet<Scope>): boolean {
  return one.symmetricDifference(other).size === 0
}

/** Compares two texts without telling, by the time it takes, how much of them is equal. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b))
}

function sha256(text: string | Uint8Array): Uint8Array {
  return createHash('sha256').update(text).digest()
}
