import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'

/** Never shown in an error or a log. */
export const secret = { secret: true } as const
/** Read once, at the start. A change takes effect at the next start; until then the running value stays in force. */
export const restart = { restart: true } as const
/** File or folder, relative to the configuration file that names it, else to the working directory. */
export const path = { path: true, minLength: 1, expected: 'a path' } as const
/** Not empty: an empty token would let everyone in. */
export const filled = { pattern: '\\S', expected: 'a string that is not empty' } as const
/** 256 bits: 42 digits, one whose last two bits are zero, and the padding. */
export const secretKey = {
  pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$',
  expected: '32 bytes in base64, such as `openssl rand -base64 32` prints'
} as const
/** Name chosen by the operator. It is used in logs, commands and keys. */
export const name = {
  pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$',
  expected: 'a name of 1 to 64 letters, digits and . _ @ -'
} as const
/** The pattern keeps out credentials and queries; `url` lets the URL parser check the rest. */
export const baseUrl = {
  url: true,
  shows: 'path',
  pattern: '^https?://[^\\s/?#@]+(/[^\\s?#]*)?$',
  expected: 'a URL such as https://example.com/v1, without credentials or a query in it'
} as const
/** Entry of `server.trusted_proxies`. */
export const proxy = {
  pattern: '^(loopback|[1-9]|10|\\d{1,3}(\\.\\d{1,3}){3}(/\\d{1,2})?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(/\\d{1,3})?)$',
  network: true,
  text: true,
  expected: 'an address, a network such as 10.0.0.0/8, loopback, or a number of hops from 1 to 10'
} as const
/** Origin of any scheme: browser extensions have their own. */
export const origin = {
  url: true,
  pattern: '^[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9.:[\\]-]+/?$',
  expected: 'an origin such as https://flynn.example.com, without a path'
} as const

/** Name of an HTTP header. */
export const header = { pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", expected: 'the name of an HTTP header' } as const
/** Value of an HTTP header. */
export const headerValue = { pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$', expected: 'a text of one line' } as const

export const section = <P extends TProperties>(description: string, properties: P) =>
  Type.Object(properties, { additionalProperties: false, description })

export const oneOf = <const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}) =>
  Type.Union(
    values.map((value) => Type.Literal(value as T[number])),
    options
  )

/** Object whose keys the operator chooses. `key` describes them; a key that nearly equals one of `names` is taken for a slip. */
export const named = <T extends TSchema>(pattern: string, value: T, options: Record<string, unknown>) =>
  Type.Record(Type.String({ pattern }), value, { additionalProperties: false, ...options })

export const preset = <T extends TSchema>(schema: T, value: Static<T>): T => ({ ...schema, default: value })

/** Messages of a group that reach the agent. */
export const groups = oneOf(['addressed', 'all'] as const, {
  description: 'Messages of groups that reach the agent: those that address the bot, or all',
  default: 'addressed'
})

/** All of a section needs a restart. */
export const restarting = <T extends TSchema>(schema: T): T => ({ ...schema, ...restart })
