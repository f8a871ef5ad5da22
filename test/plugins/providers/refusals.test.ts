import assert from 'node:assert/strict'
import test from 'node:test'
import type { FailureReason } from '../../../plugins/providers/define.ts'
import { failureOf, type Refused, refusalOf } from '../../../plugins/providers/failure.ts'
import { request } from '../../contract/provider.ts'
import { modelBehind, outcomeOf } from './wire.ts'

const context = { provider: 'acme', model: 'big-1', secrets: ['hunter-22'], now: 0 }
const openai = (message: string, code: unknown = null, type = 'invalid_request_error') => ({
  error: { message, type, param: null, code }
})
const anthropic = (message: string, type = 'invalid_request_error') => ({ type: 'error', error: { type, message } })
const refused = (status: number, body: unknown, hasFiles = false) =>
  refusalOf({ status, body, hasFiles } satisfies Refused, context)

/** Status, body, reason; of those that are too long also the limit that is read. */
const WORDS: ReadonlyArray<readonly [number, unknown, FailureReason, number?]> = [
  // Too long
  [
    400,
    openai(
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 10240 tokens. Please reduce the length of the messages.",
      'context_length_exceeded'
    ),
    'too_long',
    8192
  ],
  [
    400,
    openai(
      "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion)."
    ),
    'too_long',
    4096
  ],
  [
    400,
    {
      object: 'error',
      message: "This model's maximum context length is 4096 tokens. However, your request has 9000 input tokens.",
      code: 400
    },
    'too_long',
    4096
  ],
  [
    400,
    openai(
      "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 4096 tokens and your request has 3000 input tokens"
    ),
    'too_long',
    4096
  ],
  [400, anthropic('prompt is too long: 205000 tokens > 200000 maximum'), 'too_long', 200000],
  [
    400,
    anthropic(
      'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again'
    ),
    'too_long',
    200000
  ],
  [413, anthropic('Request exceeds the maximum size', 'request_too_large'), 'too_long'],
  [400, { message: 'Input is too long for requested model.' }, 'too_long'],
  [
    400,
    {
      error: {
        code: 400,
        message: 'the request exceeds the available context size (4096 tokens), try increasing it',
        type: 'exceed_context_size_error',
        n_ctx: 4096
      }
    },
    'too_long',
    4096
  ],
  [500, { error: { code: 500, message: 'Context size has been exceeded.', type: 'server_error' } }, 'too_long'],
  [
    400,
    {
      error:
        'Trying to keep the first 5555 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.'
    },
    'too_long',
    4096
  ],
  [400, { error: 'The number of tokens to keep from the initial prompt is greater than the context length.' }, 'too_long'],
  [
    400,
    {
      object: 'error',
      message: 'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
      type: 'invalid_request_error',
      code: '3051'
    },
    'too_long',
    32768
  ],
  [400, openai('Please reduce the length of the messages or completion.', 'context_length_exceeded'), 'too_long'],
  [
    413,
    openai(
      'Request too large for model `llama` on tokens per minute (TPM): Limit 6000, Requested 9000',
      'rate_limit_exceeded',
      'tokens'
    ),
    'too_long',
    6000
  ],
  [413, openai('Request body too large for gpt-4o model. Max size: 8000 tokens.', 'tokens_limit_reached'), 'too_long', 8000],
  [
    400,
    [
      {
        error: {
          code: 400,
          message: 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
          status: 'INVALID_ARGUMENT'
        }
      }
    ],
    'too_long',
    1048576
  ],
  [
    422,
    {
      error:
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000 `inputs` tokens and 1000 `max_new_tokens`',
      error_type: 'validation'
    },
    'too_long',
    4097
  ],
  [
    400,
    {
      code: 'Client specified an invalid argument',
      error: "This model's maximum prompt length is 131072 but the request contains 200000 tokens."
    },
    'too_long',
    131072
  ],
  [
    400,
    openai("This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 tokens."),
    'too_long',
    8192
  ],
  [
    400,
    { message: 'too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.' },
    'too_long',
    4081
  ],
  [400, openai('Your request exceeded model token limit: 8192'), 'too_long', 8192],
  [400, openai('<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]'), 'too_long', 30720],
  [400, openai('prompt token count of 130000 exceeds the limit of 64000', 'model_max_prompt_tokens_exceeded'), 'too_long', 64000],
  [400, openai('invalid params, context window exceeds limit (2013)'), 'too_long'],
  [400, openai('The prompt is too long: 40000, model maximum context length: 32768'), 'too_long', 32768],
  [413, '<html><head><title>413 Request Entity Too Large</title></head></html>', 'too_long'],
  // Credit
  [402, { error: { message: 'Insufficient Balance', type: 'unknown_error' } }, 'credit'],
  [400, anthropic('Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.'), 'credit'],
  [
    429,
    openai(
      'You exceeded your current quota, please check your plan and billing details.',
      'insufficient_quota',
      'insufficient_quota'
    ),
    'credit'
  ],
  [
    402,
    openai(
      'This request requires more credits, or fewer max_tokens. You requested up to 8192 tokens, but can only afford 100.',
      402
    ),
    'credit'
  ],
  [403, openai('Your account is not active, please check your billing details on our website.', 'billing_not_active'), 'credit'],
  // Unknown model
  [404, openai('The model `big-1` does not exist or you do not have access to it.', 'model_not_found'), 'unknown_model'],
  [404, anthropic('model: big-1', 'not_found_error'), 'unknown_model'],
  [400, openai('big-1 is not a valid model ID', 400), 'unknown_model'],
  [404, { error: { message: "model 'big-1' not found, try pulling it first", type: 'api_error' } }, 'unknown_model'],
  [404, openai('The API deployment for this resource does not exist.', 'DeploymentNotFound'), 'unknown_model'],
  [400, openai('Invalid model: big-1', '1500', 'invalid_model'), 'unknown_model'],
  [404, openai('No models loaded. Please load a model in the developer page.'), 'unknown_model'],
  [400, openai('The model `big-1` has been decommissioned and is no longer supported.', 'model_decommissioned'), 'unknown_model'],
  // A web page
  [200, '<!DOCTYPE html><html><head><title>Sign in</title></head></html>', 'login_page'],
  [403, '<html><title>Just a moment...</title></html>', 'login_page'],
  [404, '<html><head><title>404 Not Found</title></head></html>', 'login_page'],
  [502, '<html><head><title>502 Bad Gateway</title></head></html>', 'failed'],
  [503, '<html><title>Service Unavailable</title></html>', 'overloaded'],
  // Loading
  [503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }, 'loading'],
  [503, { error: 'Model big-1 is currently loading', estimated_time: 20.5 }, 'loading'],
  // Files
  [
    500,
    {
      error: {
        code: 500,
        message: 'image input is not supported - hint: if this is unexpected, you may need to provide the mmproj',
        type: 'server_error'
      }
    },
    'files'
  ],
  [404, openai('No endpoints found that support image input', 404), 'files'],
  [
    400,
    openai('Failed to deserialize the JSON body into the target type: messages[1]: unknown variant `image_url`, expected `text`'),
    'files'
  ],
  [400, openai('Invalid content type. image_url is only supported by certain models.', 'invalid_value'), 'files'],
  [400, { object: 'error', message: 'big-1 is not a multimodal model', code: 400 }, 'files'],
  [400, { error: 'Model does not support images. Please use a model that does.' }, 'files'],
  [
    400,
    anthropic('messages.0.content.1.image.source.base64.data: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes'),
    'files'
  ],
  [400, anthropic('Could not process image'), 'files'],
  // A filter
  [
    400,
    openai("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", 'content_filter'),
    'filtered'
  ],
  [400, openai('Content Exists Risk'), 'filtered'],
  [400, openai('Input data may contain inappropriate content.', 'data_inspection_failed'), 'filtered'],
  [400, openai('Your request was flagged as potentially violating our usage policy.', 'invalid_prompt'), 'filtered'],
  // The rest
  [400, openai('Conversation roles must alternate user/assistant/user/assistant/...'), 'refused'],
  [
    422,
    { detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }] },
    'refused'
  ],
  [401, openai('Incorrect API key provided', 'invalid_api_key'), 'key'],
  [403, openai('Country, region, or territory not supported', 'unsupported_country_region_territory'), 'key'],
  [429, openai('Rate limit reached for requests', 'rate_limit_exceeded'), 'limited'],
  [529, anthropic('Overloaded', 'overloaded_error'), 'overloaded'],
  [500, openai('The server had an error while processing your request'), 'failed'],
  [400, '', 'refused'],
  [500, 'upstream connect error', 'failed']
]

for (const [status, body, reason, limit] of WORDS) {
  const words = JSON.stringify(body).replace(/[{}"\\[\]]/g, '')
  test(`HTTP ${status} ${words.slice(0, 70)} means ${reason}`, () => {
    const failure = refused(status, body, reason === 'files')
    assert.equal(failure.reason, reason)
    assert.equal(failure.status, status)
    if (limit !== undefined) assert.equal(failure.tokens?.limit, limit)
  })
}

test('an error quotes the provider, cleaned and cut, and says what to do', () => {
  const long = `Invalid value: 'developer' in request_id req_0123456789abcdef, see https://docs.acme.test/errors?key=hunter-22\n\u001b[31m${'x'.repeat(6000)}`
  const { message, detail = '' } = refused(400, openai(long))
  assert.match(message, /^The model provider acme refused the request \(HTTP 400\): "Invalid value: 'developer' in …, see … x/)
  assert.match(message, /…"\. Begin anew with \/new, or choose another tier with \/model$/)
  assert.ok(message.length < 450)
  assert.doesNotMatch(message, /hunter|https|req_0123|\n|\u001b/)
  assert.match(detail, /req_0123456789abcdef.*docs\.acme\.test/)
  assert.ok(detail.length > 5900)
  assert.doesNotMatch(detail, /hunter|\u001b/)
})

test('a page is named by its title, and nothing of its markup is quoted', () => {
  const { message } = refused(
    200,
    '<!doctype html><html><head><title>Sign in to Acme</title></head><body><script>x()</script></body></html>'
  )
  assert.equal(
    message,
    'The model provider acme answered with a web page and not with its API (HTTP 200): "Sign in to Acme": check base_url, and whether a proxy asks for a login there'
  )
})

test('the error behind an aggregator is read', () => {
  const raw = JSON.stringify({ error: { message: 'prompt is too long: 9000 tokens > 8000 maximum' } })
  const failure = refused(400, {
    error: { message: 'Provider returned error', code: 400, metadata: { raw, provider_name: 'X' } }
  })
  assert.equal(failure.reason, 'too_long')
  assert.deepEqual(failure.tokens, { limit: 8000, sent: 9000 })
})

test('a model that is loading says when to come back', () => {
  const failure = refused(503, { error: 'Model big-1 is currently loading', estimated_time: 20.5 })
  assert.equal(failure.retryable, true)
  assert.equal(failure.retryAfterMs, 20_500)
})

test('the detail of a failure keeps its reason when it is masked', () => {
  const first = refused(400, openai('prompt is too long: 9 tokens > 8 maximum'))
  const { reason, tokens, message } = failureOf(first, context)
  assert.deepEqual([reason, tokens, message], [first.reason, first.tokens, first.message])
})

/** A refusal, the member that later requests lack, and the one that takes its place. */
const MEMBERS: ReadonlyArray<readonly [string, number, unknown, string, string?]> = [
  [
    'openai_compatible',
    400,
    openai("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."),
    'max_tokens',
    'max_completion_tokens'
  ],
  [
    'openai_compatible',
    422,
    { detail: [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }] },
    'stream_options'
  ],
  ['openai_compatible', 400, openai('Unrecognized request argument supplied: stream_options'), 'stream_options'],
  [
    'openai_compatible',
    400,
    { error: { code: 400, message: 'Invalid JSON payload received. Unknown name "stream_options": Cannot find field.' } },
    'stream_options'
  ],
  ['openai_compatible', 400, { error: 'registry.ollama.ai/library/fake:latest does not support tools' }, 'tools'],
  [
    'openai_compatible',
    400,
    openai('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    'tools'
  ],
  ['openai_compatible', 404, openai('No endpoints found that support tool use.', 404), 'tools'],
  [
    'openai_compatible',
    500,
    { error: { code: 500, message: 'tools param requires --jinja flag', type: 'server_error' } },
    'tools'
  ],
  ['openai_compatible', 400, openai('`tool calling` is not supported with this model'), 'tools'],
  [
    'openai',
    400,
    { error: { message: "Unsupported parameter: 'tools'", param: 'tools', code: 'unsupported_parameter' } },
    'tools'
  ],
  ['openai_compatible', 400, openai("Unsupported value: 'temperature' does not support 0.7 with this model."), 'temperature'],
  ['anthropic', 400, anthropic('temperature: Extra inputs are not permitted'), 'temperature']
]

for (const [name, status, body, member, instead] of MEMBERS) {
  test(`${name}: ${member} is left out once it is refused: ${JSON.stringify(body).slice(10, 60)}`, async (t) => {
    const { model, server } = await modelBehind(t, name, [{ status, body }], { parameters: { temperature: 0.7 } })
    const warned: unknown[] = []
    const log = { warn: (fields: unknown) => void warned.push(fields) }
    assert.equal((await outcomeOf(model, request('Hello', { log }))).text, 'Hello from the model.')
    assert.equal((await outcomeOf(model, request('Again', { log }))).text, 'Hello from the model.')
    const [first, ...later] = server.requests.map(({ body }) => body)
    assert.ok(member in first)
    assert.equal(later.length, 2, 'one retry, and remembered')
    for (const body of later) {
      assert.ok(!(member in body), member)
      if (instead !== undefined) assert.equal(body[instead], first[member])
    }
    assert.equal(warned.length, 1)
  })
}

test('a refused system role goes into the first message', async (t) => {
  const { model, server } = await modelBehind(t, 'openai_compatible', [
    { status: 400, body: openai('System role not supported') }
  ])
  assert.equal((await outcomeOf(model)).text, 'Hello from the model.')
  assert.deepEqual(server.requests[1]?.body.messages, [{ role: 'user', content: 'Be brief.\n\nHello?' }])
})

for (const [name, body, tool] of [
  ['anthropic', anthropic('tools.1.custom.input_schema: JSON schema is invalid.'), 'weather_lookup'],
  [
    'openai',
    openai(
      "Invalid schema for function 'clock_now': In context=('properties', 'a'), array schema missing items.",
      'invalid_function_parameters'
    ),
    'clock_now'
  ]
] as const) {
  test(`${name}: a tool whose schema is refused is left out and named in the log`, async (t) => {
    const { model, server } = await modelBehind(t, name, [{ status: 400, body }])
    const warned: Array<{ left?: string }> = []
    const log = { warn: (fields: object) => void warned.push(fields) }
    assert.equal((await outcomeOf(model, request('Hello', { log }))).text, 'Hello from the model.')
    const names = server.requests[1]?.body.tools.map(
      (tool: { name?: string; function?: { name: string } }) => tool.name ?? tool.function?.name
    )
    assert.deepEqual(
      names,
      ['clock_now', 'weather_lookup'].filter((name) => name !== tool)
    )
    assert.ok(warned.some(({ left }) => left === `the tool ${tool}`))
  })
}

for (const [name, message, limit] of [
  [
    'openai_compatible',
    '`max_tokens` must be less than or equal to `4096`, the maximum value for `max_tokens` is less than the `context_window` for this model',
    4096
  ],
  ['anthropic', 'max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for claude', 4096],
  [
    'openai',
    'max_tokens is too large: 8192. This model supports at most 4096 completion tokens, whereas you provided 8192.',
    4096
  ],
  ['openai_compatible', 'Invalid max_tokens value, the valid range of max_tokens is [1, 2048]', 2048]
] as const) {
  test(`${name}: answers keep to a limit that a refusal names: ${message.slice(0, 30)}`, async (t) => {
    const { model, server } = await modelBehind(t, name, [{ status: 400, message }])
    await outcomeOf(model)
    await outcomeOf(model)
    assert.deepEqual(
      server.requests.map(({ body }) => body.max_tokens),
      [8192, limit, limit]
    )
  })
}

test('a refusal that names nothing is not tried again, nor one of the key', async (t) => {
  for (const [status, message] of [
    [400, 'Conversation roles must alternate user/assistant/user/assistant/...'],
    [401, "Unsupported parameter: 'stream_options'"]
  ] as const) {
    const { model, server } = await modelBehind(t, 'openai_compatible', [{ status, message }])
    assert.equal((await outcomeOf(model)).error?.status, status)
    assert.equal(server.requests.length, 1)
  }
})

test('tools, vision, headers and parameters of the configuration go into every request', async (t) => {
  const settings = { tools: false, vision: false, headers: { 'x-team': 'flynn' }, parameters: { top_k: 40, max_tokens: 99 } }
  const attachments = [{ mimeType: 'image/png', data: 'aGVsbG8=', filename: 'cat.png' }]
  for (const name of ['openai_compatible', 'openai', 'anthropic']) {
    const { model, server } = await modelBehind(t, name, [], settings)
    await outcomeOf(model, request([{ role: 'user', text: 'Look', attachments }]))
    const { headers, body } = server.requests[0]!
    assert.equal(headers['x-team'], 'flynn')
    assert.deepEqual([body.top_k, body.max_tokens, body.tools], [40, 99, undefined])
    assert.match(JSON.stringify(body.messages), /cat\.png.*cannot read files of this type/)
  }
})
