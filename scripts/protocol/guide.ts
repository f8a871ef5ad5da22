import { code, json, paragraphs, table } from './markdown.ts'

/** What there is to know before the first method. */
export function frames(): string {
  return paragraphs(
    '## Frames',
    `Frames are text, one JSON value each; a binary frame is an error. There are two dialects, told apart frame by frame: one with a member
\`jsonrpc\` speaks JSON-RPC 2.0, any other is native. Both have the same methods, params and results. A request may have the member \`traceparent\` beside them, and
over HTTP the header: the span it is a part of, as W3C Trace Context writes it. One that is malformed counts as none.`,
    table(
      ['', 'native', 'JSON-RPC 2.0'],
      [
        ['request', code('{id, method, params}'), code('{"jsonrpc":"2.0", id, method, params}')],
        ['id', 'an integer', 'an integer, a string or null; without one it is a notification, and not answered'],
        ['result', code('{id, result}'), code('{"jsonrpc":"2.0", id, result}')],
        ['error', code('{id, error: {code, message, data}}'), 'the same with the code of JSON-RPC; the other one is `data.code`'],
        [
          'event',
          code('{id, event, data, sessionId, runId, seq}'),
          `${code('{"jsonrpc":"2.0", "method":"event", params}')}, the native frame being the params`
        ],
        ['several together', '–', 'a batch is answered by one array, in the order in which the answers came about']
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
    `- Requests of one connection run side by side, and may be answered in another order than they came. The frames of one request keep theirs:
  events, then one result or one error, which is the last.
- An id is taken as long as its request is under way. The id of an error is null where the request's could not be read.
- Params the method does not know are refused, and nothing is coerced: \`"5"\` is no number. \`session\` is an alias of \`sessionId\`.
- Where \`sessionId\` may be left out, a call is about the session its connection is attached to: the one \`agent.send\` or \`sessions.create\`
  named last, at first one of its own.
- Unknown members may come in any result, event or error: do not refuse what you do not know.`
  )
}

export function connecting(): string {
  return paragraphs(
    '## Connecting',
    `The socket is where the gateway is mounted: \`ws://127.0.0.1:18800\` by itself, \`ws://host/agent\` under the prefix \`/agent\`. A token goes
into the upgrade, never into the URL:`,
    table(
      ['who', 'how'],
      [
        ['a program', '`Authorization: Bearer <token>`'],
        ['a page', 'the subprotocols `flynn.v1` and `bearer.<base64url of the token>`; the gateway selects the first'],
        ['a page that has signed in at `POST /auth/session`', 'its cookie, by itself'],
        ['anybody on the same machine, when no token is configured', 'nothing']
      ]
    ),
    `Whoever is refused gets one error frame with the id null and then close 4401, since a page cannot see a 401. Ten wrong tokens within a minute
lock an address out for a minute, with 429 and \`Retry-After\`.`,
    `A dropped connection stops nothing: what runs goes on. Connect again and ask for the rest with \`sessions.resume\`, which takes the \`runId\` of
the events and the \`seq\` of the last one that arrived.`
  )
}

export function events(): string {
  return paragraphs(
    '## Events',
    `An event belongs to a request and has its id. \`sessionId\` says where it happened, \`runId\` in which run, and \`seq\` at which place of
it: it starts at 1 in each run and has no gaps. Where a slow reader was sent several \`content\` events as one, that one has \`fromSeq\`
as well, and stands for all from there to \`seq\`. Extension events come only to a connection that asked for them with \`system.hello\`;
those that belong to no request have the id null.`
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
    `The gateway pings every ${heartbeatSeconds} seconds, and ends the connection of a peer that misses two. WebSocket libraries and browsers answer pings
by themselves.`
  )
}

export function http(routes: ReadonlyArray<readonly [string, string]>): string {
  return paragraphs(
    '## Over HTTP',
    `Every method is also \`POST /rpc/<method>\`, its params the body, and answers \`{"result": …}\` or \`{"error": {code, message, data}}\` with
the status of the error. With \`Accept: application/x-ndjson\` a method with events answers a line for each, and its result or
error as the last one: native frames with the id null. What is refused before the first event has a status of its own.`,
    '```sh\ncurl -N http://127.0.0.1:18800/rpc/agent.send -H "accept: application/x-ndjson" -H "content-type: application/json" -d \'{"message":"Hello"}\'\n```',
    table(['route', 'what it is'], routes)
  )
}

export function errors(rows: ReadonlyArray<readonly string[]>): string {
  return paragraphs(
    '## Errors',
    `\`error.data\` always has \`retryable\`; \`retryAfterMs\` where that is known; \`issues\`, a list of \`{path, message}\`, for wrong params; \`queue\`
where a session's lane, and not a run, ended a message.`,
    table(['code', 'name', 'HTTP', 'JSON-RPC', 'retry', 'when'], rows),
    `Every method may answer -1, -2, -4, -5, 3 and 5; which of the others it may answer, it says below. Over HTTP a more telling status takes the
place of the table's: 403 for a scope that is missing or a page of another site, 413 and 415 for a body that is not read, 429 for
an address that is locked out, 409 for a message that a newer one superseded, 503 at a shutdown, the last with \`Retry-After\` where
that is known. In JSON-RPC 2.0 a bad envelope is -32600, bad params are -32602.`
  )
}

export function limits(rows: ReadonlyArray<readonly string[]>): string {
  return paragraphs(
    '## Limits',
    'These are the defaults; `system.capabilities` tells those of the gateway at hand.',
    table(['limit', 'default', 'what it is'], rows)
  )
}
