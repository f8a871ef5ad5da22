import { RpcError } from '../../rpc/errors.ts'
import { masked } from '../../security/sanitize.ts'

/** A model that an Ollama server is to have. */
export interface Pull {
  readonly model: string
  /** As in the configuration, with the `/v1` of its other API or without. */
  readonly baseUrl: string
  readonly apiKey: string | undefined
}

export interface PullContext {
  readonly signal: AbortSignal
  tell(text: string): void
}

/** Default address. */
export const OLLAMA_URL = 'http://127.0.0.1:11434/v1'

/** Tens of gigabytes over an ordinary line. What comes to a standstill ends earlier, with the five minutes of `fetch`. */
const LIMIT_MS = 6 * 60 * 60 * 1000
const MAX_LINE = 64 * 1024
const MAX_LAYERS = 1000
const MAX_TEXT = 300

/** Pulls one model after the other. Answers what was done. @throws RpcError that names the models that could not be pulled */
export async function pullAll(pulls: readonly Pull[], { signal, tell }: PullContext): Promise<string> {
  const problems: string[] = []
  for (const [index, pull] of pulls.entries()) {
    const place = pulls.length > 1 ? ` (${index + 1} of ${pulls.length})` : ''
    try {
      await pullOne(pull, { signal, tell: (text) => tell(`pulling ${pull.model}${place}: ${text}`) })
    } catch (error) {
      signal.throwIfAborted()
      problems.push(
        `${pull.model} could not be pulled: ${error instanceof RpcError ? error.message : 'Ollama cannot be reached'}`
      )
    }
  }
  if (problems.length > 0) throw new RpcError('InternalError', problems.join('; '))
  return `pulled ${pulls.map(({ model }) => model).join(', ')}`
}

async function pullOne({ model, baseUrl, apiKey }: Pull, { signal, tell }: PullContext): Promise<void> {
  tell('waiting for Ollama')
  const response = await fetch(`${baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/api/pull`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify({ model, stream: true }),
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)])
  })
  const secrets = apiKey === undefined ? [] : [apiKey]
  const progress = new Progress()
  let succeeded = false
  for await (const line of linesOf(response)) {
    const report = parse(line)
    // Errors come in the middle of an answer that began well.
    if (typeof report.error === 'string') throw new RpcError('InternalError', masked(report.error, { secrets, limit: MAX_TEXT }))
    if (report.status === 'success') succeeded = true
    else tell(progress.add(report))
  }
  if (!response.ok) throw new RpcError('InternalError', `Ollama answered with status ${response.status}`)
  if (!succeeded) throw new RpcError('InternalError', 'Ollama stopped before it was done')
}

type Report = Record<string, unknown>

function parse(line: string): Report {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Report) : {}
  } catch {
    // The page of a proxy, for one.
    return {}
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = ''
  if (!response.body) return
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    if (rest.length > MAX_LINE) throw new RpcError('InternalError', 'Ollama gave an answer that cannot be read')
    yield* lines.filter((line) => line.trim() !== '')
  }
  if (rest.trim() !== '') yield rest
}

/** Share of the layers named so far that is downloaded. */
class Progress {
  readonly #layers = new Map<string, { completed: number; total: number }>()

  add({ status, digest, total, completed }: Report): string {
    const known = typeof digest === 'string' && (this.#layers.has(digest) || this.#layers.size < MAX_LAYERS)
    if (known && typeof total === 'number' && total > 0) {
      this.#layers.set(digest, { total, completed: typeof completed === 'number' ? Math.min(completed, total) : 0 })
      const layers = [...this.#layers.values()]
      const sum = (of: (layer: { completed: number; total: number }) => number) =>
        layers.reduce((all, layer) => all + of(layer), 0)
      return `${Math.floor((100 * sum(({ completed }) => completed)) / sum(({ total }) => total))} %`
    }
    return typeof status === 'string' ? masked(status, { limit: MAX_TEXT }) : 'under way'
  }
}
