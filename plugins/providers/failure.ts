import { masked } from '../../security/sanitize.ts'
import { ProviderError } from './define.ts'

/** Characters of what a provider said. */
const MAX_DETAIL = 300

/** What the errors of the SDK have in common, as far as it can be used. They also carry the whole request: take nothing else. */
interface Thrown {
  readonly name?: unknown
  readonly message?: unknown
  readonly statusCode?: unknown
  readonly isRetryable?: unknown
  readonly responseHeaders?: Readonly<Record<string, string>>
}

export interface FailureContext {
  readonly provider: string
  readonly model: string
  /** Never to appear anywhere. */
  readonly secrets: readonly string[]
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * Whatever a model threw or the SDK put into its stream, as an error that people may see. The only place where the detail is
 * masked, also that of a `ProviderError` which a provider made itself; without one its message is the detail.
 */
export function failureOf(thrown: unknown, { provider, model, secrets, now }: FailureContext): ProviderError {
  const shown = (text: string) => masked(text, { secrets, limit: MAX_DETAIL })
  if (thrown instanceof ProviderError) {
    const { message, retryable, retryAfterMs, status, detail = message } = thrown
    return new ProviderError(message, { retryable, retryAfterMs, status, detail: shown(detail) })
  }
  const error: Thrown = typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) }
  const status = typeof error.statusCode === 'number' && error.statusCode >= 400 ? error.statusCode : undefined
  const { text, retryable } = status === undefined ? withoutStatus(error) : withStatus(status, model)
  return new ProviderError(`The model provider ${provider} ${text}`, {
    retryable: retryable ?? error.isRetryable === true,
    retryAfterMs: retryAfter(error.responseHeaders ?? {}, now),
    status,
    // What could not be parsed is the model's answer: it does not belong into a log.
    detail: shown(isUnreadable(error) ? String(error.name) : `${error.name}: ${error.message}`)
  })
}

interface Explanation {
  readonly text: string
  /** Absent: as the SDK says. */
  readonly retryable?: boolean
}

function withStatus(status: number, model: string): Explanation {
  const http = `(HTTP ${status})`
  switch (status) {
    case 401:
    case 403:
      return { text: `refused the key ${http}: check its api_key in the configuration` }
    case 404:
      return { text: `does not know the model '${model}' ${http}: check model and base_url in the configuration` }
    case 413:
      return { text: `says that the conversation is too large ${http}` }
    case 429:
      return { text: `limits how much it is asked ${http}: try again later` }
    case 503:
    case 529:
      return { text: `is overloaded ${http}: try again later` }
    default:
      return { text: status >= 500 ? `failed ${http}: try again later` : `refused the request ${http}` }
  }
}

const UNREADABLE = ['AI_JSONParseError', 'AI_TypeValidationError', 'AI_InvalidResponseDataError', 'AI_EmptyResponseBodyError']

const isUnreadable = ({ name }: Thrown): boolean => UNREADABLE.includes(String(name))

function withoutStatus(error: Thrown): Explanation {
  if (isUnreadable(error)) return { text: 'sent an answer that is cut off or cannot be understood: try again', retryable: true }
  const { name, statusCode } = error
  switch (name) {
    case 'AI_APICallError':
      // With the status of a success: the answer had begun.
      return {
        text:
          statusCode === undefined
            ? 'could not be reached: check base_url, and whether it runs'
            : 'broke off its answer: try again'
      }
    case 'AI_UnsupportedFunctionalityError':
    case 'AI_InvalidPromptError':
      return { text: 'cannot be given this conversation', retryable: false }
    default:
      return { text: 'failed' }
  }
}

/**
 * `retry-after-ms`, or `retry-after` in seconds or as an HTTP date (RFC 9110, 10.2.3), in milliseconds from `now`.
 * Undefined when neither is there or neither can be read.
 */
export function retryAfter(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const ms = headers['retry-after-ms']
  if (ms !== undefined && /^\d+(\.\d+)?$/.test(ms)) return Math.ceil(Number(ms))
  const value = headers['retry-after']
  if (value === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000)
  // Date.parse alone would read `-5` as a year.
  const date = value.endsWith('GMT') ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
