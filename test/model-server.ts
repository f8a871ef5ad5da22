import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { INSTRUCTIONS } from '../plugins/titles/titles.ts'
import type { Cleanup } from './helper.ts'

/** Tokens as the wire reports them. `input` is what was neither read from nor written to the cache. */
export interface WireUsage {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
}

/** One answer of the model, whatever the protocol it is asked for in. */
export interface Answer {
  /** One delta each. */
  readonly text?: string | readonly string[]
  /** `name` is the wire's (`shell_exec`); `args` goes out as JSON, a string as it is. */
  readonly toolCalls?: ReadonlyArray<{ readonly id?: string; readonly name: string; readonly args: unknown }>
  /** Default: `tool_calls` when there are any, else `stop`. */
  readonly finish?: 'stop' | 'tool_calls' | 'length' | 'filter'
  /** `null`: the server reports none. */
  readonly usage?: WireUsage | null
  /** The answer ends only once this settles. */
  readonly until?: Promise<unknown>
  /** Instead of the end of the answer: the socket destroyed, a clean end of the body, an SSE error, nothing, a line that is no JSON. */
  readonly fault?: 'cut' | 'end' | 'error' | 'hang' | 'malformed'
  /** Bytes a packet; 1 splits every character that has several. */
  readonly packet?: number
}

/** An HTTP error, in the shape of the protocol that was asked for, or with a body of its own. */
export interface Refusal {
  readonly status: number
  readonly message?: string
  /** In place of the protocol's: JSON, or a text as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Bytes of a response as they are, with status 200. */
export interface Verbatim {
  readonly verbatim: string
  /** Default: `text/event-stream`. */
  readonly contentType?: string
  /** The connection breaks after them. */
  readonly cut?: boolean
}

/** `silence`: the request is read and never answered. `redirect`: 307 to that address. */
export type Reply = Answer | Refusal | Verbatim | { readonly silence: true } | { readonly redirect: string }

/** A request as the server received it. */
export interface Recorded {
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: the bodies of two protocols, looked at by tests
  readonly body: any
  /** Settles once everything up to the end or the fault was written. */
  readonly written: Promise<void>
  /** Settles when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>
  /** The connection below it, which may be kept for a later request. */
  readonly socket: Socket
}

export interface ModelServer {
  /** `http://127.0.0.1:<port>/v1`: the base URL of both protocols. */
  readonly baseUrl: string
  readonly requests: readonly Recorded[]
  /** Requests for the title of a session, which are not among the others. */
  readonly titles: readonly Recorded[]
  /** Answers to the next requests, in order. Once used up, each gets `Hello from the model.` */
  reply(...replies: readonly Reply[]): void
  /** Answers to requests for as long as it says something of them; undefined leaves one to `reply`. */
  rule(answer: (request: Recorded) => Reply | undefined): void
  /** The next request that arrives. */
  next(): Promise<Recorded>
  /** Forgets the requests so far. */
  forget(): void
}

/**
 * A model behind real wire formats: Anthropic messages (`POST /v1/messages`) and OpenAI chat completions
 * (`POST /v1/chat/completions`), both as server-sent events over a real socket. Closed with the test.
 */
export async function startModelServer(t: Cleanup): Promise<ModelServer> {
  const script: Reply[] = []
  const requests: Recorded[] = []
  const titles: Recorded[] = []
  const waiting: Array<(request: Recorded) => void> = []
  let rule: (request: Recorded) => Reply | undefined = () => undefined

  const server = http.createServer(async (request, response) => {
    const closed = once(response, 'close').then(() => {})
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { promise: written, resolve } = Promise.withResolvers<void>()
    const recorded: Recorded = {
      path: request.url ?? '',
      headers: request.headers,
      body: chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined,
      written,
      closed,
      socket: request.socket
    }
    const protocol = recorded.path.endsWith('/messages') ? anthropic : openai
    // Titles are made on the side, at a time of their own: a script of answers does not know them.
    if (JSON.stringify(recorded.body ?? '').includes(INSTRUCTIONS)) {
      titles.push(recorded)
      return await answer(response, protocol, { text: '**"A title of the model."**' }, closed)
    }
    requests.push(recorded)
    waiting.shift()?.(recorded)
    const reply = rule(recorded) ?? script.shift() ?? { text: ['Hello ', 'from ', 'the model.'] }
    // OpenAI's protocol reports usage only to those who ask for it.
    const unasked = protocol === openai && recorded.body?.stream_options?.include_usage !== true
    await answer(response, protocol, unasked ? { ...reply, usage: null } : reply, closed)
    resolve()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    titles,
    reply: (...replies) => void script.push(...replies),
    rule: (answer) => {
      rule = answer
    },
    next: () => new Promise((resolve) => waiting.push(resolve)),
    forget: () => void requests.splice(0)
  }
}

/** How one protocol writes an answer: each string is one server-sent event. */
interface Protocol {
  deltas(answer: Answer): string[]
  end(answer: Answer): string[]
  /** An error in the middle of the stream. */
  error: string
  refusal(refusal: Refusal): unknown
}

async function answer(response: http.ServerResponse, protocol: Protocol, reply: Reply, closed: Promise<void>): Promise<void> {
  if ('silence' in reply) return
  if ('redirect' in reply) {
    response.writeHead(307, { location: reply.redirect }).end()
    return
  }
  if ('status' in reply) {
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
    const { body = protocol.refusal(reply) } = reply
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
    return
  }
  if ('verbatim' in reply) {
    response.writeHead(200, { 'content-type': reply.contentType ?? 'text/event-stream' })
    response.write(reply.verbatim)
    if (!reply.cut) response.end()
    else {
      await setImmediate()
      response.destroy()
    }
    return
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
  await write(response, protocol.deltas(reply), reply.packet)
  if (reply.until) await Promise.race([reply.until, closed])
  switch (reply.fault) {
    case 'hang':
      return
    case 'cut':
      // Let the client read what was written before the connection breaks.
      await setImmediate()
      response.destroy()
      return
    case 'end':
      response.end()
      return
    case 'malformed':
      await write(response, ['data: {"type": "content_block_delta", "choices": [\n\n', ...protocol.end(reply)], reply.packet)
      break
    case 'error':
      await write(response, [protocol.error], reply.packet)
      break
    default:
      await write(response, protocol.end(reply), reply.packet)
  }
  response.end()
}

/** Every packet leaves on its own: an HTTP chunk each, with a turn of the event loop in between. */
async function write(response: http.ServerResponse, events: readonly string[], packet?: number): Promise<void> {
  const packets = packet === undefined ? events.map((event) => Buffer.from(event)) : split(Buffer.from(events.join('')), packet)
  for (const bytes of packets) {
    if (response.destroyed) return
    response.write(bytes)
    await setImmediate()
  }
}

function split(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size))
}

const textOf = ({ text = [] }: Answer): readonly string[] => (typeof text === 'string' ? [text] : text)
const argsOf = (args: unknown): string => (typeof args === 'string' ? args : JSON.stringify(args))
const usageOf = ({ usage }: Answer): WireUsage => usage ?? { input: 12, output: 7 }
const finishOf = ({ finish, toolCalls }: Answer) => finish ?? (toolCalls?.length ? 'tool_calls' : 'stop')

const anthropic: Protocol = {
  deltas(answer) {
    const { input, cacheRead = 0, cacheWrite = 0 } = usageOf(answer)
    const usage = {
      input_tokens: input,
      cache_creation_input_tokens: cacheWrite,
      cache_read_input_tokens: cacheRead,
      output_tokens: 1
    }
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'fake',
      content: [],
      stop_reason: null,
      stop_sequence: null
    }
    const texts = textOf(answer)
    const block = (index: number, content_block: object, deltas: object[]): string[] => [
      event('content_block_start', { index, content_block }),
      ...deltas.map((delta) => event('content_block_delta', { index, delta })),
      event('content_block_stop', { index })
    ]
    const first = texts.length > 0 ? 1 : 0
    return [
      event('message_start', { message: { ...message, usage: answer.usage === null ? {} : usage } }),
      event('ping', {}),
      ...(first
        ? block(
            0,
            { type: 'text', text: '' },
            texts.map((text) => ({ type: 'text_delta', text }))
          )
        : []),
      ...(answer.toolCalls ?? []).flatMap(({ id, name, args }, n) =>
        block(
          first + n,
          { type: 'tool_use', id: id ?? `toolu_${n + 1}`, name, input: {} },
          ['', ...halves(argsOf(args))].map((partial_json) => ({ type: 'input_json_delta', partial_json }))
        )
      )
    ]
  },
  end(answer) {
    const stop_reason = { stop: 'end_turn', tool_calls: 'tool_use', length: 'max_tokens', filter: 'refusal' }[finishOf(answer)]
    const usage = { output_tokens: usageOf(answer).output }
    return [
      event('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: answer.usage === null ? {} : usage }),
      event('message_stop', {})
    ]
  },
  error: event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  refusal: ({ status, message = 'refused' }) => ({
    type: 'error',
    error: { type: status === 529 ? 'overloaded_error' : 'api_error', message }
  })
}

const openai: Protocol = {
  deltas: (answer) => [
    chunk({ role: 'assistant', content: '' }),
    ...textOf(answer).map((content) => chunk({ content })),
    ...(answer.toolCalls ?? []).flatMap(({ id, name, args }, index) => [
      chunk({ tool_calls: [{ index, id: id ?? `call_${index + 1}`, type: 'function', function: { name, arguments: '' } }] }),
      ...halves(argsOf(args)).map((half) => chunk({ tool_calls: [{ index, function: { arguments: half } }] }))
    ])
  ],
  end(answer) {
    const { input, output, cacheRead = 0, cacheWrite = 0 } = usageOf(answer)
    const prompt_tokens = input + cacheRead + cacheWrite
    const finish = finishOf(answer)
    const usage = {
      prompt_tokens,
      completion_tokens: output,
      total_tokens: prompt_tokens + output,
      prompt_tokens_details: { cached_tokens: cacheRead }
    }
    return [
      chunk({}, finish === 'filter' ? 'content_filter' : finish),
      ...(answer.usage === null ? [] : [data({ ...CHUNK, choices: [], usage })]),
      'data: [DONE]\n\n'
    ]
  },
  error: data({ error: { message: 'Overloaded', type: 'server_error', param: null, code: null } }),
  refusal: ({ message = 'refused' }) => ({ error: { message, type: 'invalid_request_error', param: null, code: null } })
}

const CHUNK = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'fake' }

function chunk(delta: object, finish_reason: string | null = null): string {
  return data({ ...CHUNK, choices: [{ index: 0, delta, finish_reason }] })
}

function data(json: object): string {
  return `data: ${JSON.stringify(json)}\n\n`
}

function event(type: string, fields: object): string {
  return `event: ${type}\n${data({ type, ...fields })}`
}

/** Arguments arrive in pieces, so the pieces must be put together again. */
function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2)
  return [text.slice(0, middle), text.slice(middle)]
}
