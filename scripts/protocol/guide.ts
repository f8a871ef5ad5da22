import { code, json, paragraphs, table } from './markdown.ts'

/** Chapter about frames. */
export function frames(): string {
  return paragraphs(
    '## Frames',
    `A frame is text with one JSON value. A binary frame is an error. There are two dialects. A frame with a member \`jsonrpc\` is JSON-RPC 2.0, any
other frame is native. Methods, params and results are the same in both. A request may carry a W3C \`traceparent\`, over HTTP as a header; a
malformed one is ignored.`,
    table(
      ['', 'native', 'JSON-RPC 2.0'],
      [
        ['request', code('{id, method, params}'), code('{"jsonrpc":"2.0", id, method, params}')],
        ['id', 'an integer', 'an integer, a string or null; a request without one is a notification and gets no answer'],
        ['result', code('{id, result}'), code('{"jsonrpc":"2.0", id, result}')],
        ['error', code('{id, error: {code, message, data}}'), 'the same with the code of JSON-RPC; the other one is `data.code`'],
        [
          'event',
          code('{id, event, data, sessionId, runId, seq}'),
          `${code('{"jsonrpc":"2.0", "method":"event", params}')} with the native frame as params`
        ],
        ['several together', '–', 'a batch gets one array with its answers, in the order they were ready']
      ]
    ),
    json(
      { id: 1, method: 'agent.send', params: { message: 'Hello', sessionId: 'cli:me' } },
      { id: 1, event: 'content', data: { text: 'Hello' }, sessionId: 'cli:me', runId: '0b6f2a1c', seq: 1 },
      { id: 1, event: 'done', data: { content: 'Hello' }, sessionId: 'cli:me', runId: '0b6f2a1c', seq: 2 },
      {
        id: 1,
        result: {
          sessionId: 'cli:me',
          runId: '0b6f2a1c',
          content: 'Hello',
          response: 'Hello',
          usage: { inputTokens: 9, outputTokens: 1 }
        }
      }
    ),
    'The same in JSON-RPC 2.0:',
    json(
      { jsonrpc: '2.0', id: 'a', method: 'agent.send', params: { message: 'Hello', sessionId: 'cli:me' } },
      {
        jsonrpc: '2.0',
        method: 'event',
        params: { id: 'a', event: 'content', data: { text: 'Hello' }, sessionId: 'cli:me', runId: '0b6f2a1c', seq: 1 }
      },
      {
        jsonrpc: '2.0',
        id: 'b',
        error: {
          code: -32602,
          message: 'params.limit must be an integer between 1 and 500, got 0',
          data: { code: -2, retryable: false }
        }
      }
    ),
    `- Requests of one connection run concurrently, so answers may arrive out of order. Frames of one request stay in order: events first, then one
  result or one error.
- An id is in use until its request is answered. The id of an error is null when the id of the request could not be read.
- Unknown params are refused, and nothing is coerced: \`"5"\` is not a number. \`session\` is an alias of \`sessionId\`.
- Without \`sessionId\`, a call uses the session that its connection is attached to: the one that \`agent.send\` or \`sessions.create\` named last,
  at first a new one.
- Results, events and errors may gain members. Clients ignore members that they do not know.`
  )
}

export function connecting(): string {
  return paragraphs(
    '## Connecting',
    `The socket is at the mount point of the gateway: \`ws://127.0.0.1:18800\` standalone, \`ws://host/agent\` under the prefix \`/agent\`. The token is
sent with the upgrade request, never in the URL:`,
    table(
      ['client', 'credential'],
      [
        ['a program', '`Authorization: Bearer <token>`'],
        ['a page', 'the subprotocols `flynn.v1` and `bearer.<base64url of the token>`; the gateway selects the first'],
        ['a page after `POST /auth/session`', 'its cookie, sent by the browser'],
        ['a program on the same machine, when no token is configured', 'none']
      ]
    ),
    `A refused client gets one error frame with the id null and then close code 4401, because a page cannot see a 401. Ten wrong tokens within a
minute lock the address out for a minute: 429 with \`Retry-After\`.`,
    `A dropped connection does not stop a run. Connect again and call \`sessions.resume\` with the \`runId\` of the events and the \`seq\` of the last
one that arrived.`
  )
}

export function events(): string {
  return paragraphs(
    '## Events',
    `An event has the id of its request, and \`sessionId\`, \`runId\` and \`seq\`. \`seq\` starts at 1 in each run and has no gaps. A slow reader may get
several \`content\` events merged into one, which then covers \`fromSeq\` to \`seq\`. Extension events go only to connections that asked for them
with \`system.hello\`; those without a request have the id null.`
  )
}

export interface Close {
  readonly code: number
  readonly when: string
  readonly do: string
}

export function closing(codes: readonly Close[], heartbeatSeconds: number): string {
  return paragraphs(
    '## Closing',
    table(
      ['code', 'when', 'what to do'],
      codes.map((close) => [String(close.code), close.when, close.do])
    ),
    `The gateway pings every ${heartbeatSeconds} seconds and terminates a peer that misses two. WebSocket libraries and browsers answer pings automatically.`
  )
}

export function http(routes: ReadonlyArray<readonly [string, string]>): string {
  return paragraphs(
    '## Over HTTP',
    `Every method is also \`POST /rpc/<method>\` with the params as body. The answer is \`{"result": …}\`, or \`{"error": {code, message, data}}\` with the
status of the error. With \`Accept: application/x-ndjson\` a method with events answers one line for each event and one for its result or
error: native frames with the id null. A refusal before the first event has its own status.`,
    '```sh\ncurl -N http://127.0.0.1:18800/rpc/agent.send -H "accept: application/x-ndjson" -H "content-type: application/json" -d \'{"message":"Hello"}\'\n```',
    table(['route', 'purpose'], routes)
  )
}

export function errors(rows: ReadonlyArray<readonly string[]>): string {
  return paragraphs(
    '## Errors',
    `\`error.data\` always has \`retryable\`. It has \`retryAfterMs\` when known, \`issues\` (a list of \`{path, message}\`) for invalid params, and \`queue\`
when the lane ended a message without a run.`,
    table(['code', 'name', 'HTTP', 'JSON-RPC', 'retry', 'when'], rows),
    `Every method may return -1, -2, -4, -5, 3 and 5. Other errors are listed with each method. Over HTTP a more specific status replaces that of
the table: 403 for a missing scope or a page of another site, 413 and 415 for a body that is not read, 429 for a locked-out address, 409 for
a superseded message, 503 during shutdown, with \`Retry-After\` when known. In JSON-RPC 2.0 an invalid envelope is -32600, invalid params are -32602.`
  )
}

export function limits(rows: ReadonlyArray<readonly string[]>): string {
  return paragraphs(
    '## Limits',
    'Defaults. `system.capabilities` reports the values of a running gateway.',
    table(['limit', 'default', 'description'], rows)
  )
}
