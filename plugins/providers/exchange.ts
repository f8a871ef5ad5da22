import type { Readable } from 'node:stream'
import type { ConnectionPool, RawResponse } from './connection-pool.ts'
import type { ProviderError } from './define.ts'
import { EventReader } from './event-reader.ts'
import { brokenOff, type FailureContext, refusalOf, unreachable, unreadable } from './failure.ts'
import { isObject, type WireEvents, type WireText } from './wire-events.ts'
import { isPage } from './words.ts'

/** Bytes of a refusal that are read. */
const MAX_REFUSAL = 64 * 1024
/**
 * Characters of a streamed answer that wait for its end: calls of tools, and an event that does not end. A call of a megabyte in pieces of a
 * few characters takes most of it.
 */
const MAX_WAITING = 64 * 1024 * 1024
/** Bytes of an answer that is one JSON object. */
const MAX_WHOLE = 16 * 1024 * 1024

export interface ExchangeOptions {
  readonly pool: ConnectionPool
  readonly events: WireEvents
  /** Changes the body of the request, which is JSON. */
  readonly edit: (body: string) => string
  /** Adds a header to those of the package. */
  readonly headers: Readonly<Record<string, string>>
  readonly context: Omit<FailureContext, 'now'>
  readonly hasFiles: boolean
}

/** A good answer that has begun. */
interface Opened {
  readonly body: Readable
  readonly first: Buffer | undefined
  /** Its part for the package so far. */
  readonly written: string
}

/**
 * One HTTP exchange with a provider, in the place of the `fetch` that its package calls. It stands between the package and the wire: what
 * is not a good answer becomes the `failure`, in the provider's words, and a good one is written as the package expects it. Texts, which
 * are nearly all of an answer, are handed out by `texts` and do not go through the package, whose streams cost several times as much.
 */
export class Exchange {
  /** The reason why the call fails, where the exchange knows it. The package wraps or loses errors; this one stays. */
  failure: ProviderError | undefined
  /** The body as it was sent. */
  sent = ''
  readonly #options: ExchangeOptions
  readonly #opened = Promise.withResolvers<Opened>()
  /** Part of the answer for the package: everything but texts, once the answer is complete. */
  readonly #rest = Promise.withResolvers<string>()

  constructor(options: ExchangeOptions) {
    this.#options = options
    // Their failures are those of the call.
    this.#opened.promise.catch(() => {})
    this.#rest.promise.catch(() => {})
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const { pool, edit, context } = this.#options
    const signal = init?.signal as AbortSignal
    this.sent = edit(String(init?.body))
    let response: RawResponse
    try {
      // Bytes as they are: a stream that is packed is delivered late.
      const headers = { ...headersOf(init?.headers), ...this.#options.headers, 'accept-encoding': 'identity' }
      response = await pool.post(String(input), { headers, body: this.sent, signal })
    } catch (thrown) {
      signal.throwIfAborted()
      const { code, message } = thrown as NodeJS.ErrnoException
      return this.#fail(unreachable(context.provider, code ?? message))
    }
    return this.#answer(response, signal)
  }

  /**
   * The texts of the answer, as they arrive. To be read to their end before anything of the package.
   * @param call that of the package, which may fail before it fetches anything
   */
  async *texts(call: PromiseLike<unknown>): AsyncGenerator<WireText> {
    const opened = await Promise.race([this.#opened.promise, call])
    if (typeof opened !== 'object' || opened === null || !('body' in opened)) return
    const { body, first, written } = opened as Opened
    const { events, context } = this.#options
    const decoder = new TextDecoder()
    let rest = written
    const reader = new EventReader((data, name) => {
      if (!events.over && events.failure === undefined) rest += events.read(data, name)
    })
    for (let next = first; next !== undefined && !events.over; next = await this.#more(body)) {
      reader.push(decoder.decode(next, { stream: true }))
      yield* events.takeTexts()
      if (events.failure !== undefined) break
      if (rest.length + reader.pending > MAX_WAITING) {
        body.destroy()
        this.#fail(unreadable(context.provider, `more than ${MAX_WAITING} characters without an end`))
      }
    }
    reader.end()
    // A server may keep the connection open after its last word.
    body.destroy()
    yield* events.takeTexts()
    if (events.failure !== undefined) {
      const { status, body: said } = events.failure
      const failure =
        said === undefined ? unreadable(context.provider, 'an event is no JSON') : this.#refusal({ status, body: said })
      this.#fail(failure)
    }
    this.#rest.resolve(rest + events.close())
  }

  /** The next bytes. A connection that breaks after a complete answer has lost nothing. */
  async #more(body: Readable): Promise<Buffer | undefined> {
    try {
      return await readMore(body)
    } catch (thrown) {
      if (this.#options.events.complete) return undefined
      return this.#fail(brokenOff(this.#options.context.provider, (thrown as Error).message))
    }
  }

  async #answer(response: RawResponse, signal: AbortSignal): Promise<Response> {
    const { status, body } = response
    try {
      if (status < 200 || status > 299) return await this.#refuse(response, await textOf(body, '', MAX_REFUSAL))
      const first = await readMore(body)
      const begins = first?.toString('latin1').trimStart() ?? ''
      // Some servers do not stream although they were asked to, others answer with an error and the status of a success.
      if (begins.startsWith('{') || begins.startsWith('[')) return await this.#whole(response, first!)
      if (isPage(begins)) return await this.#refuse(response, await textOf(body, first!, MAX_REFUSAL))
      this.#opened.resolve({ body, first, written: '' })
      return this.#response()
    } catch (thrown) {
      body.destroy()
      signal.throwIfAborted()
      return this.#fail(this.failure ?? brokenOff(this.#options.context.provider, (thrown as Error).message))
    }
  }

  /** Response for the package, which gets its body as soon as the texts were read. */
  #response(): Response {
    const rest = this.#rest.promise
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      controller.enqueue(Buffer.from(await rest))
      controller.close()
    }
    return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { headers: { 'content-type': 'text/event-stream' } })
  }

  #refuse({ status, headers }: RawResponse, text: string): never {
    return this.#fail(this.#refusal({ status, headers, body: text }))
  }

  async #whole(response: RawResponse, first: Buffer): Promise<Response> {
    const { events, context } = this.#options
    const text = await textOf(response.body, first, MAX_WHOLE)
    let body: unknown
    try {
      body = JSON.parse(text)
    } catch {
      return this.#fail(unreadable(context.provider, 'the body is no JSON'))
    }
    const written = isObject(body) ? events.whole(body) : ''
    if (!events.complete) return this.#refuse({ ...response, status: 400 }, text)
    this.#opened.resolve({ body: response.body, first: undefined, written })
    return this.#response()
  }

  #refusal(refused: { status?: number | undefined; headers?: RawResponse['headers']; body: unknown }): ProviderError {
    const { context, hasFiles } = this.#options
    return refusalOf({ ...refused, hasFiles }, { ...context, now: Date.now() })
  }

  #fail(failure: ProviderError): never {
    this.failure = failure
    this.#opened.reject(failure)
    this.#rest.reject(failure)
    throw failure
  }
}

/** All that has arrived, or what arrives next; undefined at the end. */
async function readMore(body: Readable): Promise<Buffer | undefined> {
  for (;;) {
    const chunk = body.read() as Buffer | null
    if (chunk !== null) return chunk
    if (body.errored) throw body.errored
    if (body.readableEnded || body.destroyed) return undefined
    await arrival(body)
  }
}

async function arrival(body: Readable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const events = ['readable', 'end', 'error', 'close'] as const
  for (const event of events) body.once(event, resolve)
  await promise
  for (const event of events) body.off(event, resolve)
}

async function textOf(body: Readable, first: Buffer | '', limit: number): Promise<string> {
  const chunks: Buffer[] = first === '' ? [] : [first]
  let bytes = first.length
  for (let next = await readMore(body); next !== undefined && bytes < limit; next = await readMore(body)) {
    chunks.push(next)
    bytes += next.length
  }
  body.destroy()
  return Buffer.concat(chunks).toString('utf8', 0, limit)
}

function headersOf(headers: RequestInit['headers']): Record<string, string> {
  return Object.fromEntries(new Headers(headers))
}
