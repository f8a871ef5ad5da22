import { isObject, objectsIn, textIn } from './wire-events.ts'

/** Characters that are read of what a provider says. */
const READ = 8192

/** A provider's answer to a request that it did not take. */
export interface Said {
  /** In its own words; empty where there are none. */
  readonly text: string
  /** A web page in place of an answer of the API. */
  readonly page: boolean
  /** The member of the request that it names. */
  readonly param: string | undefined
  /** Milliseconds until a model is loaded. */
  readonly waitMs: number | undefined
}

/** Reads the body of a refusal: JSON in any of its usual shapes, or text. */
export function readSaid(body: unknown): Said {
  if (typeof body === 'string') {
    const text = body.slice(0, READ).trim()
    if (isPage(text)) return { text: titleOf(text), page: true, param: undefined, waitMs: undefined }
    const parsed = parse(body)
    if (!isObject(parsed) && !Array.isArray(parsed)) return { text, page: false, param: undefined, waitMs: undefined }
    return readSaid(parsed)
  }
  // Gemini answers with a list of one error.
  const root = Array.isArray(body) ? objectsIn(body)[0] : body
  if (!isObject(root)) return { text: '', page: false, param: undefined, waitMs: undefined }
  const error = isObject(root.error) ? root.error : root
  const seconds = root.estimated_time
  return {
    text: [...new Set(sentences(root))].join(' ').slice(0, READ),
    page: false,
    param: textIn(error.param) ?? locationIn(root.detail),
    waitMs: typeof seconds === 'number' && seconds > 0 ? Math.ceil(seconds * 1000) : undefined
  }
}

/** The texts of an error: `error.message`, `error`, `message`, `detail`, and those of the provider behind an aggregator. */
function sentences(root: Record<string, unknown>): string[] {
  const { error } = root
  const inner = isObject(error) ? error : root
  const texts = [textIn(inner.message), textIn(inner.msg), textIn(error), textIn(root.message), textIn(root.error_description)]
  const nested = isObject(inner.metadata) ? behind(inner.metadata.raw) : []
  const codes = [inner.code, inner.type, inner.status].filter(
    (code): code is string => typeof code === 'string' && /[a-z_]{6}/i.test(code)
  )
  const said = [...texts.flatMap((text) => text ?? []), ...detailsIn(root.detail), ...detailsIn(root.errors), ...nested]
  // A code alone is better than nothing, and often all that tells two failures apart.
  return [...said, ...codes.map((code) => `[${code}]`)]
}

function behind(raw: unknown): string[] {
  const parsed = typeof raw === 'string' ? (parse(raw) ?? raw) : raw
  return isObject(parsed) ? sentences(parsed) : typeof parsed === 'string' ? [parsed] : []
}

/** FastAPI: a text, or a list of `{ loc, msg }`. */
function detailsIn(detail: unknown): string[] {
  if (typeof detail === 'string') return [detail]
  if (isObject(detail)) return sentences(detail)
  return objectsIn(detail).flatMap(({ loc, msg, message }) => {
    const text = textIn(msg) ?? textIn(message)
    return text === undefined ? [] : [Array.isArray(loc) ? `${loc.join('.')}: ${text}` : text]
  })
}

function locationIn(detail: unknown): string | undefined {
  const loc = objectsIn(detail)[0]?.loc
  return Array.isArray(loc) ? loc.filter((part) => part !== 'body').join('.') : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isPage(text: string): boolean {
  return /^\s*<(?:!doctype html|html|head|body|\?xml)/i.test(text)
}

function titleOf(page: string): string {
  return (/<title[^>]*>([^<]*)<\/title>/i.exec(page)?.[1] ?? /<h1[^>]*>([^<]*)<\/h1>/i.exec(page)?.[1] ?? '').trim()
}
