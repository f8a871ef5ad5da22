import { parseJson } from '../../../rpc/json.ts'
import { Refusal } from '../inbound.ts'

/** Characters of a file's text in a form. Files that are no text are named, with their size. */
const MAX_FILE_TEXT = 64 * 1024
const TEXT_FILE = /^(text\/|application\/(json|xml)|[^;]+\+(json|xml))/
/** `{{body.commits.0.message}}`: a path of own members. */
const FIELD = /\{\{\s*([^{}]{1,200}?)\s*\}\}/g

/**
 * Content of a request for templates and the agent: JSON and forms as objects, anything else as text. Senders label bodies as they please (curl
 * calls everything a form), so a body that looks like JSON is JSON. GitHub's form has its JSON in one field.
 * @throws SyntaxError, or Refusal 400, for a body that is not what it claims to be
 */
export async function contentOf(type: string | undefined, body: Buffer): Promise<unknown> {
  const [mimeType = ''] = (type ?? '').toLowerCase().split(';')
  if (mimeType.trim() === 'multipart/form-data') return await multipartOf(type!, body)
  const text = decoded(body, /charset="?([\w-]+)/i.exec(type ?? '')?.[1])
  if (text.trim() === '') return {}
  const isJson = /[/+]json$/.test(mimeType.trim())
  if (isJson || /^\s*\{\s*["}]/.test(text)) return parseJson(text)
  if (/^\s*\[/.test(text)) return jsonOr(text)
  if (mimeType.trim() === 'application/x-www-form-urlencoded' && text.includes('=')) return formOf(text)
  return mimeType === '' ? jsonOr(text) : text
}

/** A template with its fields filled in, once. A text stands as it is, other values as JSON, and missing ones as nothing. */
export function fill(template: string, values: object): string {
  return template.replace(FIELD, (_field, path: string) => shown(at(values, path.split('.'))))
}

function jsonOr(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

/** The mark at its beginning, then the charset, decide how a text is written. A text that is not in its charset is read as far as it goes. */
function decoded(body: Buffer, charset: string | undefined): string {
  const mark = body.subarray(0, 2).toString('hex')
  const marked = mark === 'fffe' ? 'utf-16le' : mark === 'feff' ? 'utf-16be' : undefined
  try {
    return new TextDecoder(marked ?? charset ?? 'utf-8').decode(body)
  } catch {
    return new TextDecoder().decode(body)
  }
}

function formOf(text: string): unknown {
  const form = gathered(new URLSearchParams(text))
  return Object.keys(form).length === 1 && typeof form.payload === 'string' ? jsonOr(form.payload) : form
}

async function multipartOf(type: string, body: Buffer): Promise<unknown> {
  let form: FormData
  try {
    form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
  } catch (cause) {
    throw new Refusal(400, 'the body is no multipart form', { cause })
  }
  const fields = await Promise.all([...form].map(async ([key, value]) => [key, await fieldOf(value)] as const))
  return gathered(fields)
}

async function fieldOf(value: string | File): Promise<unknown> {
  if (typeof value === 'string') return value
  const { name: filename, type, size } = value
  return { filename, type, size, ...(TEXT_FILE.test(type) ? { text: (await value.text()).slice(0, MAX_FILE_TEXT) } : {}) }
}

/** Fields by name; a name that occurs several times has a list. */
function gathered(fields: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const form = new Map<string, unknown[]>()
  for (const [key, value] of fields) form.set(key, [...(form.get(key) ?? []), value])
  return Object.fromEntries([...form].map(([key, values]) => [key, values.length === 1 ? values[0] : values]))
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (holder, key) =>
      typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key) ? holder[key as never] : undefined,
    value
  )
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
}
