import { stripVTControlCharacters } from 'node:util'
import { masked } from '../../security/sanitize.ts'
import { type FailureReason, ProviderError } from './define.ts'
import { reasonOf, tokenCountsIn } from './refusal.ts'
import { readSaid, type Said } from './words.ts'

/** Characters of the provider's words in the log and in the run, and of those in an error that clients see. */
const MAX_DETAIL = 8000
const MAX_QUOTE = 240

export interface FailureContext {
  readonly provider: string
  readonly model: string
  /** Never to appear anywhere. */
  readonly secrets: readonly string[]
  /** Epoch milliseconds. */
  readonly now: number
}

/** A request that a server did not answer as asked: its status, headers and body. */
export interface Refused {
  /** Absent where an answer had begun and the server names none. */
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body: unknown
  /** The request had images or documents. */
  readonly hasFiles: boolean
}

/** A server's refusal as an error that people may see. */
export function refusalOf({ status, headers = {}, body, hasFiles }: Refused, context: FailureContext): ProviderError {
  const said = readSaid(body)
  const reason = reasonOf(status, said, hasFiles)
  return new ProviderError(`The model provider ${context.provider} ${explain(reason, status, said, context)}`, {
    reason,
    retryable: RETRYABLE.has(reason),
    retryAfterMs: retryAfter(headers, context.now) ?? (reason === 'loading' ? said.waitMs : undefined),
    status,
    detail: masked(said.text, { secrets: context.secrets, limit: MAX_DETAIL }) || `HTTP ${status ?? 200}`,
    ...(reason === 'too_long' && { tokens: tokenCountsIn(said.text) })
  })
}

const RETRYABLE: ReadonlySet<FailureReason> = new Set(['limited', 'loading', 'overloaded', 'failed', 'broken', 'unreachable'])

/** The event and the advice, after the name of the provider. */
function explain(reason: FailureReason, status: number | undefined, said: Said, context: FailureContext): string {
  const http = status === undefined ? '' : ` (HTTP ${status})`
  const words = quoted(said.text, context)
  switch (reason) {
    case 'key':
      return `refused the key${http}: check its api_key in the configuration`
    case 'credit':
      return `has no credit left for this account${http}${words}. Add credit, or choose another tier with /model`
    case 'unknown_model':
      return `does not know the model '${context.model}'${http}: check model and base_url in the configuration${words && `. It said${words.slice(1)}`}`
    case 'login_page':
      return `answered with a web page and not with its API${http}${words}: check base_url, and whether a proxy asks for a login there`
    case 'too_long':
      return `says that the conversation is too large${http}${words}. Write /compact or /new, or choose another tier with /model`
    case 'files':
      return `refused the file${http}${words}. Send it as text, or choose a tier with another model with /model`
    case 'filtered':
      return `declined the message${http}${words}. Write it in other words, begin anew with /new, or choose another tier with /model`
    case 'refused':
      return `refused the request${http}${words}. Begin anew with /new, or choose another tier with /model`
    case 'limited':
      return `limits how much it is asked${http}: try again later`
    case 'loading':
      return `is still loading the model${http}: try again in a moment`
    case 'overloaded':
      return `is overloaded${http}: try again later`
    case 'unreachable':
      return 'could not be reached: check base_url, and whether it runs'
    case 'broken':
      return 'broke off its answer: try again'
    case 'failed':
      return `failed${http}${words}: try again later`
  }
}

/** Addresses and paths, which say something of the operator's network. */
const ADDRESSES = /\b[a-z][a-z0-9+.-]*:\/\/\S+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|(?<![\w.])\/(?:[\w.@-]+\/)+[\w.@-]*/gi
/** Ids of requests, organisations and projects: of use to the provider's support alone, and they are in the log. */
const IDS = /\(?\brequest[ _]id:? [\w-]+\)?|\b(?:request|req|trace|org|proj|acct)[_-][A-Za-z0-9]{8,}\b/gi

/** The provider's words as part of an error: `: "…"`, cleaned and cut; empty where it said nothing. */
function quoted(text: string, { secrets }: FailureContext): string {
  const plain = stripVTControlCharacters(text)
    .replace(/<[^>]{0,200}>/g, ' ')
    .replace(ADDRESSES, '…')
    .replace(IDS, '…')
  const words = masked(plain, { secrets, limit: MAX_QUOTE }).replace(/\s+/g, ' ').replaceAll('"', "'").trim()
  return words === '' ? '' : `: "${words}"`
}

/** Common members of the errors of a provider's package. They also carry the whole request: nothing else is taken of them. */
interface Thrown {
  readonly name?: unknown
  readonly message?: unknown
}

/** Anything a model threw, as an error that people may see. Masks the detail of a `ProviderError` as well. */
export function failureOf(thrown: unknown, { provider, secrets }: FailureContext): ProviderError {
  const shown = (text: string) => masked(text, { secrets, limit: MAX_DETAIL })
  if (thrown instanceof ProviderError) {
    const { message, retryable, reason, retryAfterMs, status, detail = message, tokens } = thrown
    return new ProviderError(message, { retryable, reason, retryAfterMs, status, detail: shown(detail), tokens })
  }
  const { name, message }: Thrown = typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) }
  if (UNREADABLE.has(String(name))) return unreadable(provider, String(name))
  const unsupported = name === 'AI_UnsupportedFunctionalityError' || name === 'AI_InvalidPromptError'
  return new ProviderError(`The model provider ${provider} ${unsupported ? 'cannot be given this conversation' : 'failed'}`, {
    retryable: false,
    reason: unsupported ? 'refused' : 'failed',
    detail: shown(`${name}: ${message}`)
  })
}

const UNREADABLE: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError'
])

/** An answer that cannot be parsed. It is the model's and does not belong into a log: `detail` only names the kind. */
export function unreadable(provider: string, detail: string): ProviderError {
  const message = `The model provider ${provider} sent an answer that is cut off or cannot be understood: try again`
  return new ProviderError(message, { retryable: true, reason: 'broken', detail })
}

/** An answer that ended too early. */
export function brokenOff(provider: string, detail?: string): ProviderError {
  return new ProviderError(`The model provider ${provider} broke off its answer: try again`, {
    retryable: true,
    reason: 'broken',
    detail
  })
}

/** No connection to the provider. */
export function unreachable(provider: string, detail: string): ProviderError {
  const message = `The model provider ${provider} could not be reached: check base_url, and whether it runs`
  return new ProviderError(message, { retryable: true, reason: 'unreachable', detail })
}

/**
 * `retry-after-ms`, or `retry-after` in seconds or as an HTTP date (RFC 9110, 10.2.3), in milliseconds from `now`.
 * Undefined when neither is given or neither can be read.
 */
export function retryAfter(headers: Readonly<Record<string, unknown>>, now: number): number | undefined {
  const ms = headers['retry-after-ms']
  if (typeof ms === 'string' && /^\d+(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms))
  const value = headers['retry-after']
  if (typeof value !== 'string') return undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000)
  // Date.parse alone would read `-5` as a year.
  const date = value.endsWith('GMT') ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
