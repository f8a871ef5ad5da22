// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is what a variable in the file looks like
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ConfigError } from '../../../../plugins/config/index.ts'
import { loadConfig, resolveConfig, type Sources } from '../../../../plugins/config/parse/load.ts'
import { folder } from '../folder.ts'

type Rest = Partial<Sources>

async function load(t: TestContext, yaml: string | undefined, rest: Rest = {}) {
  const cwd = await folder(t, yaml === undefined ? {} : { 'flynn.yaml': yaml })
  return await loadConfig({ env: {}, cwd, ...rest })
}

async function problems(t: TestContext, yaml: string | undefined, rest: Rest = {}): Promise<readonly string[]> {
  try {
    await load(t, yaml, rest)
  } catch (error) {
    assert(error instanceof ConfigError, String(error))
    return error.problems
  }
  return []
}

test('nothing at all, an empty file and a file of comments are a working configuration', async (t) => {
  const nothing = await load(t, undefined)
  assert.equal(nothing.server.host, '127.0.0.1')
  assert.equal(nothing.server.port, 18800)
  assert.equal(nothing.server.token, undefined)
  assert.deepEqual(nothing.server.tokens, [])
  assert.equal(nothing.server.authHttp, true)
  assert.equal(nothing.server.maxPayloadBytes, 16_777_216)
  assert.equal(nothing.server.sendBufferBytes, 1_048_576)
  assert.equal(nothing.server.shutdownGraceSeconds, 10)
  assert.equal(nothing.agent.runTimeoutSeconds, 600)
  assert.equal(nothing.agent.maxSteps, 40)
  assert.deepEqual(nothing.lanes, {
    maxConcurrentRuns: 32,
    recovery: 'abandon',
    default: { mode: 'followup', cap: 20, overflow: 'drop_old', debounceMs: 250, summarizeOverflow: true },
    channels: {}
  })
  const lists = { allow: ['*'], deny: [], confirm: [], elevated: [], guests: ['memory.*', 'file.*', 'canvas.put'] }
  assert.deepEqual(nothing.tools, { ...lists, max: 128, mcp: {}, shell: { enabled: false }, web: { allow: [], allowHosts: [] } })
  assert.deepEqual(nothing.models, {})
  assert.equal(nothing.log.level, 'info')
  for (const yaml of ['', '\n', '# nothing yet\n', '---\n', 'server:\n  # port: 1\nmodels:\n', '{}']) {
    // Where they are depends on the folder.
    const { dataDir: _, docker: __, ...rest } = await load(t, yaml)
    const { dataDir: ___, docker: ____, ...expected } = nothing
    assert.deepEqual(rest, expected, JSON.stringify(yaml))
  }
})

test('the example of a whole file is understood', async (t) => {
  const config = await load(
    t,
    `
server:
  host: 127.0.0.1
  port: 18801
  token: \${GATEWAY_TOKEN}
  tokens:
    - { name: dashboard, token: "\${DASH_TOKEN}", scopes: [read, write] }
  auth_http: false
  tailscale_identity: true
  tailscale_allowed_logins: [me@example.com]
  allowed_origins: [https://flynn.example.com]
  shutdown_grace_seconds: 2.5
models:
  default:
    openai_compatible: { base_url: http://127.0.0.1:8080/v1, model: local, context_window: 8192 }
    anthropic: { api_key: "\${KEY}", model: claude }
    offline:
  fast:
    offline: {}
tools: { confirm: [shell.exec], elevated: [file.write], shell: { enabled: true }, web: { allow_hosts: [intranet, 10.0.0.1] } }
log: { level: debug }
`,
    { env: { GATEWAY_TOKEN: 'one', DASH_TOKEN: 'two', KEY: 'three' } }
  )
  assert.equal(config.server.port, 18801)
  assert.equal(config.server.token, 'one')
  assert.deepEqual(config.server.tokens, [{ name: 'dashboard', token: 'two', scopes: ['read', 'write'] }])
  assert.equal(config.server.authHttp, false)
  assert.deepEqual(config.server.tailscaleAllowedLogins, ['me@example.com'])
  assert.equal(config.server.shutdownGraceSeconds, 2.5)
  assert.deepEqual(config.models.default?.anthropic, { apiKey: 'three', model: 'claude' })
  assert.deepEqual(config.models.default?.openai_compatible, {
    baseUrl: 'http://127.0.0.1:8080/v1',
    model: 'local',
    contextWindow: 8192
  })
  assert.deepEqual(config.models.fast, { offline: {} })
  assert.deepEqual(config.tools, {
    allow: ['*'],
    deny: [],
    confirm: ['shell.exec'],
    elevated: ['file.write'],
    guests: ['memory.*', 'file.*', 'canvas.put'],
    max: 128,
    mcp: {},
    shell: { enabled: true },
    web: { allow: [], allowHosts: ['intranet', '10.0.0.1'] }
  })
})

test('a partial policy: the default is completed, a channel is not', async (t) => {
  const { lanes } = await load(
    t,
    `
lanes:
  recovery: retry
  default: { mode: steer, debounce_ms: 0 }
  channels:
    telegram: { mode: collect, summarize_overflow: false }
    Web_Chat: { debounceMs: 60000, cap: 1000 }
    ws:
`
  )
  assert.deepEqual(lanes, {
    maxConcurrentRuns: 32,
    recovery: 'retry',
    default: { mode: 'steer', cap: 20, overflow: 'drop_old', debounceMs: 0, summarizeOverflow: true },
    channels: { telegram: { mode: 'collect', summarizeOverflow: false }, Web_Chat: { debounceMs: 60_000, cap: 1000 }, ws: {} }
  })
  const variables = { FLYNN_LANES__DEFAULT__DEBOUNCE_MS: '500', FLYNN_LANES__CHANNELS__TELEGRAM__MODE: 'interrupt' }
  const set = await load(t, undefined, { env: variables })
  assert.equal(set.lanes.default.debounceMs, 500)
  assert.deepEqual(set.lanes.channels, { telegram: { mode: 'interrupt' } })
})

test('the providers of a tier keep the order in which they were written', async (t) => {
  const models = (names: string[]) =>
    `models:\n  default:\n${names.map((name) => `    ${name}: { model: m, base_url: http://x, api_key: k }\n`).join('')}`
  for (const names of [
    ['offline', 'ollama', 'anthropic'],
    ['openai_compatible', 'openai', 'llamacpp', 'anthropic', 'ollama', 'offline'],
    ['anthropic', 'ollama', 'offline']
  ]) {
    const config = await load(t, models(names))
    assert.deepEqual(Object.keys(config.models.default ?? {}), names)
    assert.deepEqual(Object.keys(resolveConfig(config).models.default ?? {}), names)
  }
})

test('names of tiers and providers are not renamed, keys are', async (t) => {
  const config = await load(
    t,
    'models: { default: { offline: {} }, very_fast_one: { openai_compatible: { model: m, base_url: http://x, max_output_tokens: 5 } } }'
  )
  assert.deepEqual(config.models.very_fast_one, { openai_compatible: { model: 'm', baseUrl: 'http://x', maxOutputTokens: 5 } })
})

test('flags win over the environment, the environment over the file, the file over the defaults', async (t) => {
  const yaml = 'server: { port: 1001, host: 127.0.0.2 }\nlog: { level: warn }\n'
  assert.equal((await load(t, yaml)).server.port, 1001)
  assert.equal((await load(t, yaml, { env: { FLYNN_SERVER__PORT: '1002' } })).server.port, 1002)
  const config = await load(t, yaml, { env: { FLYNN_PORT: '1002', FLYNN_LOG__LEVEL: 'error' }, flags: { port: '1003' } })
  assert.equal(config.server.port, 1003)
  assert.equal(config.server.host, '127.0.0.2')
  assert.equal(config.log.level, 'error')
})

test('a provider is put together from the file and the environment', async (t) => {
  const config = await load(t, 'models: { default: { anthropic: { model: claude }, offline: } }', {
    env: {
      FLYNN_MODELS__DEFAULT__ANTHROPIC__API_KEY: 'key',
      FLYNN_MODELS__FAST__OPENAI_COMPATIBLE: '{"model":"m","baseUrl":"http://x"}'
    }
  })
  assert.deepEqual(config.models, {
    default: { anthropic: { model: 'claude', apiKey: 'key' }, offline: {} },
    fast: { openai_compatible: { model: 'm', baseUrl: 'http://x' } }
  })
})

test('a variable is read as what its key is', async (t) => {
  const config = await load(t, undefined, {
    env: {
      FLYNN_SERVER__AUTH_HTTP: 'false',
      FLYNN_SERVER__TOKENS: '[{"name":"a","token":"s3cret","scopes":["read"]}]',
      FLYNN_SERVER__ALLOWED_ORIGINS: 'https://a.example, https://b.example',
      FLYNN_TOOLS__WEB__ALLOW_HOSTS: '',
      FLYNN_TOOLS__SHELL: '{"enabled":true}',
      FLYNN_TOKEN: '12345',
      FLYNN_HOST: '0.0.0.0',
      FLYNN_AGENT__SYSTEM_PROMPT: 'A, b and ${C}',
      FLYNN_AGENT__RUN_TIMEOUT_SECONDS: '1.5',
      OTHER: 'not ours'
    }
  })
  assert.equal(config.server.authHttp, false)
  assert.deepEqual(config.server.tokens, [{ name: 'a', token: 's3cret', scopes: ['read'] }])
  assert.deepEqual(config.server.allowedOrigins, ['https://a.example', 'https://b.example'])
  assert.deepEqual(config.tools.shell, { enabled: true })
  assert.equal(config.server.token, '12345')
  assert.equal(config.agent.systemPrompt, 'A, b and ${C}')
  assert.equal(config.agent.runTimeoutSeconds, 1.5)
})

test('a narrow variable wins over a wide one, whatever their order', async (t) => {
  const wide = { FLYNN_SERVER: '{"port":1,"max_payload_bytes":2048}' }
  for (const env of [
    { ...wide, FLYNN_SERVER__PORT: '2' },
    { FLYNN_SERVER__PORT: '2', ...wide }
  ]) {
    const { server } = await load(t, undefined, { env })
    assert.equal(server.port, 2)
    assert.equal(server.maxPayloadBytes, 2048)
  }
})

test('relative paths start where they are written: in the file at its folder, elsewhere at the working directory', async (t) => {
  const cwd = await folder(t)
  const etc = join(cwd, 'etc')
  await mkdir(etc)
  await writeFile(join(etc, 'a.yaml'), 'server: { tls: { cert: c.pem, key: /keys/k.pem } }')
  await writeFile(join(etc, 'b.yaml'), 'data_dir: var')

  const a = await loadConfig({ env: {}, cwd, file: 'etc/a.yaml' })
  assert.deepEqual(a.server.tls, { cert: join(etc, 'c.pem'), key: '/keys/k.pem' })
  assert.equal(a.dataDir, join(etc, 'data'))
  assert.equal((await loadConfig({ env: { FLYNN_CONFIG: 'etc/b.yaml' }, cwd })).dataDir, join(etc, 'var'))
  assert.equal((await loadConfig({ env: { FLYNN_CONFIG: 'etc/b.yaml', FLYNN_DATA_DIR: 'x' }, cwd })).dataDir, join(cwd, 'x'))
  assert.equal((await loadConfig({ env: {}, cwd })).dataDir, join(cwd, 'data'))
})

test('the command line names the file that counts', async (t) => {
  const cwd = await folder(t, {
    'flynn.yaml': 'server: { port: 1 }',
    'b.yaml': 'server: { port: 2 }',
    'c.yaml': 'server: { port: 3 }'
  })
  const portOf = async (rest: Rest) => (await loadConfig({ env: {}, cwd, ...rest })).server.port
  assert.equal(await portOf({}), 1)
  assert.equal(await portOf({ env: { FLYNN_CONFIG: 'b.yaml' } }), 2)
  assert.equal(await portOf({ env: { FLYNN_CONFIG: 'b.yaml' }, file: 'c.yaml' }), 3)
})

test('a file that was named must be there, the default one need not', async (t) => {
  assert.deepEqual(await problems(t, undefined, { file: 'none.yaml' }), ['none.yaml: cannot be read: the file does not exist'])
  assert.deepEqual(await problems(t, undefined, { env: { FLYNN_CONFIG: 'none.yaml' } }), [
    'none.yaml: cannot be read: the file does not exist'
  ])
  assert.deepEqual(await problems(t, undefined, { file: '.' }), ['.: cannot be read: it is a folder'])
})

test('${VARIABLE} is put in, once, and $${ stands for itself', async (t) => {
  const prompts: [string, string][] = [
    ['"${A}"', 'alpha'],
    ['${A} and ${B}!', 'alpha and ${A}!'],
    ['costs $5 and $${A}', 'costs $5 and ${A}'],
    ["'$${A} is ${A}'", '${A} is alpha'],
    ['|\n    first ${A}\n    second', 'first alpha\nsecond\n'],
    ['${EMPTY}', ''],
    ['${constructor_}', 'own']
  ]
  for (const [yaml, expected] of prompts) {
    const config = await load(t, `agent:\n  system_prompt: ${yaml}\n`, {
      env: { A: 'alpha', B: '${A}', EMPTY: '', constructor_: 'own' }
    })
    assert.equal(config.agent.systemPrompt, expected, yaml)
  }
  const typed = await load(
    t,
    'server: { port: "${PORT}", allowed_origins: ${ORIGINS}, auth_http: ${AUTH} }'.replace(/(: )(\$\{\w+\})/g, '$1"$2"'),
    {
      env: { PORT: '81', ORIGINS: 'https://a.example,https://b.example', AUTH: 'false' }
    }
  )
  assert.equal(typed.server.port, 81)
  assert.equal(typed.server.authHttp, false)
  assert.deepEqual(typed.server.allowedOrigins, ['https://a.example', 'https://b.example'])
})

test('anchors and aliases work', async (t) => {
  const config = await load(t, 'models:\n  default: &tier\n    ollama: { model: m }\n  fast: *tier\n')
  assert.deepEqual(config.models.fast, { ollama: { model: 'm' } })
})

const BAD: [name: string, yaml: string | undefined, expected: string[], rest?: Rest][] = [
  ['a wrong type', 'server:\n  port: abc\n', ['flynn.yaml:2:9 server.port must be an integer between 0 and 65535, got "abc"']],
  [
    'a number out of range',
    'server: { port: 65536 }',
    ['flynn.yaml:1:17 server.port must be an integer between 0 and 65535, got 65536']
  ],
  ['a fraction', 'server: { port: 1.5 }', ['flynn.yaml:1:17 server.port must be an integer between 0 and 65535, got 1.5']],
  [
    'not a number',
    'agent: { run_timeout_seconds: .nan }',
    ['flynn.yaml:1:31 agent.run_timeout_seconds must be a number between 0.1 and 86400, got NaN']
  ],
  [
    'yes, which is no boolean in YAML 1.2',
    'server: { auth_http: yes }',
    ['flynn.yaml:1:22 server.auth_http must be true or false, got "yes"']
  ],
  [
    'a key without a value',
    'server:\n  port:\n',
    ['flynn.yaml:2:8 server.port must be an integer between 0 and 65535, got nothing']
  ],
  ['an unknown key', 'server:\n  prot: 1\n', ['flynn.yaml:2:3 server.prot is not known; did you mean port?']],
  ['an unknown key at the top', 'sever: {}\n', ['flynn.yaml:1:1 sever is not known; did you mean server?']],
  ['an unknown key like no other', 'log:\n  colour: red\n', ['flynn.yaml:2:3 log.colour is not known; known here: level']],
  [
    'an unknown level',
    'log: { level: loud }',
    ['flynn.yaml:1:15 log.level must be one of "fatal", "error", "warn", "info", "debug", "trace", "silent", got "loud"']
  ],
  [
    'an unknown provider',
    'models:\n  default:\n    antropic: {}\n',
    ['flynn.yaml:3:5 models.default.antropic is not known; did you mean anthropic?']
  ],
  [
    'a provider in another spelling',
    'models: { default: { OpenAI: { model: m } } }',
    ['flynn.yaml:1:22 models.default.OpenAI is not known; did you mean openai?']
  ],
  [
    'a provider like no other, where no plugin can bring it',
    'models:\n  default:\n    offline:\n    acme: {}\n',
    [
      'flynn.yaml:4:11 models.default.acme is not known; known here: anthropic, openai, openai_compatible, ollama, llamacpp, offline'
    ]
  ],
  [
    'an impossible provider',
    'models: { default: { "a b": {} } }',
    ['flynn.yaml:1:22 models.default."a b" is not a possible key: must be a name of 1 to 64 letters, digits and . _ @ -']
  ],
  [
    'an impossible tier',
    'models: { default: { offline: }, "a b": { offline: } }',
    ['flynn.yaml:1:34 models."a b" is not a possible key: must be a name of 1 to 64 letters, digits and . _ @ -']
  ],
  [
    'an unknown mode',
    'lanes: { default: { mode: follow_up } }',
    [
      'flynn.yaml:1:27 lanes.default.mode must be one of "collect", "followup", "steer", "steer_backlog", "interrupt", got "follow_up"'
    ]
  ],
  [
    'a policy out of its range',
    'lanes: { default: { cap: 0, debounce_ms: 60001 }, channels: { ws: { cap: 1001 } } }',
    [
      'flynn.yaml:1:26 lanes.default.cap must be an integer between 1 and 1000, got 0',
      'flynn.yaml:1:42 lanes.default.debounce_ms must be an integer between 0 and 60000, got 60001',
      'flynn.yaml:1:74 lanes.channels.ws.cap must be an integer between 1 and 1000, got 1001'
    ]
  ],
  [
    'a slip in a channel',
    'lanes: { channels: { ws: { debounce: 5 } }, recovery: again }',
    [
      'flynn.yaml:1:28 lanes.channels.ws.debounce is not known; did you mean debounce_ms?',
      'flynn.yaml:1:55 lanes.recovery must be one of "abandon", "retry", got "again"'
    ]
  ],
  [
    'a channel that can be no frontend',
    'lanes: { channels: { "ws:1": {} } }',
    ['flynn.yaml:1:22 lanes.channels."ws:1" is not a possible key: must be a name of 1 to 64 letters, digits and . _ @ -']
  ],
  ['a list for an object', '- a\n- b\n', ['flynn.yaml:1:1 the configuration must be an object, got an array']],
  ['text for an object', 'hello', ['flynn.yaml:1:1 the configuration must be an object, got a string']],
  [
    'an object for a list',
    'server: { allowed_origins: { a: b } }',
    ['flynn.yaml:1:28 server.allowed_origins must be an array, got an object']
  ],
  [
    'a wrong item',
    'server:\n  allowed_origins:\n    - https://a.example\n    - b.example/\n',
    [
      'flynn.yaml:4:7 server.allowed_origins[1] must be an origin such as https://flynn.example.com, without a path, got "b.example/"'
    ]
  ],
  ['the same key twice', 'server:\n  port: 1\n  port: 2\n', ['flynn.yaml:3:3 server.port is given twice']],
  [
    'the same key in both spellings',
    'server: { auth_http: true, authHttp: false }',
    ['flynn.yaml:1:28 server.auth_http is given twice (authHttp is the same key)']
  ],
  [
    'the same tier twice',
    'models: { default: { offline: }, default: { offline: } }',
    ['flynn.yaml:1:34 models.default is given twice']
  ],
  ['a reserved key', '__proto__: { polluted: true }', ['flynn.yaml:1:1 __proto__ is never allowed as a key']],
  [
    'a reserved tier',
    'models: { default: { offline: }, constructor: { offline: } }',
    ['flynn.yaml:1:34 models.constructor is never allowed as a key']
  ],
  [
    'a variable that is not set',
    'server:\n  token: ${NOPE}\n',
    ['flynn.yaml:2:10 server.token uses ${NOPE}, but the environment variable NOPE is not set']
  ],
  [
    'a variable of the prototype',
    'server:\n  token: ${toString}\n',
    ['flynn.yaml:2:10 server.token uses ${toString}, but the environment variable toString is not set']
  ],
  [
    'an unfinished variable',
    'agent: { system_prompt: "a ${b" }',
    ['flynn.yaml:1:25 agent.system_prompt has a ${ that starts no ${VARIABLE}: write $${ for a literal ${']
  ],
  [
    'a wrong value out of a variable',
    'server: { port: "${P}" }',
    ['flynn.yaml:1:17 server.port must be an integer between 0 and 65535, got the value of ${P}'],
    { env: { P: 'canary-9d1f' } }
  ],
  [
    'an alias of nothing',
    'models: *none\n',
    ['flynn.yaml:1:9 models starts with * and refers to an anchor that is not defined: put it in quotes']
  ],
  [
    'an alias of itself',
    'models: &m\n  default: *m\n',
    [
      'flynn.yaml:2:3 models.default.default.default is not known; known here: api_key, base_url, model, context_window, max_output_tokens, tools, vision, headers, parameters'
    ]
  ],
  ['an empty token', 'server: { token: "" }', ['flynn.yaml:1:18 server.token must be a string that is not empty']],
  [
    'a token without quotes',
    'server: { token: 987654 }',
    ['flynn.yaml:1:18 server.token must be a string that is not empty, got a number: put it in quotes']
  ],
  [
    'an incomplete token',
    'server:\n  tokens:\n    - name: a\n      scopes: []\n',
    [
      'flynn.yaml:4:15 server.tokens[0].scopes must be an array of at least 1 items',
      'flynn.yaml:3:7 server.tokens[0].token is missing: must be a string that is not empty'
    ]
  ],
  [
    'tokens that are the same',
    'server: { token: x, tokens: [{ name: a, token: x, scopes: [read] }, { name: a, token: y, scopes: [read] }] }',
    [
      'flynn.yaml:1:48 server.tokens[0].token must be unique: another entry has the same token',
      'flynn.yaml:1:77 server.tokens[1].name must be unique: a is the name of another token'
    ]
  ],
  [
    'a token called like the one without a name',
    'server: { token: x, tokens: [{ name: default, token: y, scopes: [read] }] }',
    ['flynn.yaml:1:38 server.tokens[0].name must be unique: default is the name of another token']
  ],
  ['half of tls', 'server: { tls: { cert: a.pem } }', ['flynn.yaml:1:16 server.tls.key is missing: must be a path']],
  [
    'models without a default tier',
    'models: { fast: { offline: } }',
    ['flynn.yaml:1:9 models.default is missing: the tier that is used by default']
  ],
  ['an empty tier', 'models: { default: {} }', ['flynn.yaml:1:20 models.default must be an object with at least one provider']],
  [
    'a tier without anything',
    'models:\n  default:\n',
    ['flynn.yaml:2:11 models.default must be an object with at least one provider, got nothing']
  ],
  [
    'providers that lack what they need',
    'models:\n  default:\n    openai_compatible: {}\n    anthropic: { model: m }\n    openai: { model: m, base_url: http://x }\n    ollama:\n',
    [
      'flynn.yaml:3:24 models.default.openai_compatible.model is missing: name of the model',
      'flynn.yaml:3:24 models.default.openai_compatible.base_url is missing: URL of its API',
      'flynn.yaml:4:16 models.default.anthropic.api_key is missing: key of the provider. It may be left out only with a base_url',
      'flynn.yaml:6:12 models.default.ollama.model is missing: name of the model'
    ]
  ],
  [
    'a URL without scheme',
    'models: { default: { ollama: { model: m, base_url: "localhost:1" } } }',
    [
      'flynn.yaml:1:52 models.default.ollama.base_url must be a URL such as https://example.com/v1, without credentials or a query in it, got "localhost:1"'
    ]
  ],
  [
    'no token where others can reach it',
    'server: { host: 0.0.0.0 }',
    [
      'flynn.yaml:1:17 server.host is 0.0.0.0, where others can reach it without a login: set server.token (or FLYNN_TOKEN), or listen on 127.0.0.1'
    ]
  ],
  [
    'no token, told by flag',
    undefined,
    [
      '--host: server.host is ::, where others can reach it without a login: set server.token (or FLYNN_TOKEN), or listen on 127.0.0.1'
    ],
    { flags: { host: '::' } }
  ],
  [
    'Tailscale identity where anybody can connect',
    'server: { token: x, tailscale_identity: true }',
    [
      'flynn.yaml:1:41 server.tailscale_identity needs a loopback address to listen on, got example.com: set server.host to 127.0.0.1, to which tailscale serve connects'
    ],
    { env: { FLYNN_HOST: 'example.com' } }
  ],
  ['a syntax error', 'server:\n  port: 1\n bad: 2\n', ['flynn.yaml:3:1 All mapping items must start at the same column']],
  [
    'two documents',
    'log: { level: info }\n---\nlog: {}\n',
    ['flynn.yaml:2:1 a second document starts here; the configuration must be a single document']
  ],
  ['a tag', 'server: { token: !canary-9d1f x }', ['flynn.yaml:1:18 Unresolved tag']],
  [
    'an unknown variable',
    undefined,
    ['FLYNN_SERVER_PORT: stands for no setting; did you mean FLYNN_SERVER__PORT?'],
    { env: { FLYNN_SERVER_PORT: '1' } }
  ],
  [
    'an unknown short form',
    undefined,
    ['FLYNN_TOKENN: stands for no setting; did you mean FLYNN_TOKEN?'],
    { env: { FLYNN_TOKENN: 'canary-9d1f' } }
  ],
  [
    'an unknown variable like no other',
    undefined,
    ['FLYNN_ELEPHANT_COUNTER: stands for no setting'],
    { env: { FLYNN_ELEPHANT_COUNTER: 'canary-9d1f' } }
  ],
  [
    'an unknown provider in a variable',
    undefined,
    ['FLYNN_MODELS__DEFAULT__ANTROPIC__MODEL: stands for no setting; did you mean FLYNN_MODELS__DEFAULT__ANTHROPIC__MODEL?'],
    { env: { FLYNN_MODELS__DEFAULT__ANTROPIC__MODEL: 'm' } }
  ],
  [
    'an unknown key of a provider in a variable',
    undefined,
    ['FLYNN_MODELS__DEFAULT__OPENAI__APIKEY: stands for no setting; did you mean FLYNN_MODELS__DEFAULT__OPENAI__API_KEY?'],
    { env: { FLYNN_MODELS__DEFAULT__OPENAI__APIKEY: 'canary-9d1f' } }
  ],
  [
    'a part of a list in a variable',
    undefined,
    ['FLYNN_SERVER__TOKENS__0__NAME: stands for no setting; did you mean FLYNN_SERVER__TOKENS?'],
    { env: { FLYNN_SERVER__TOKENS__0__NAME: 'x' } }
  ],
  [
    'a wrong value in a variable',
    undefined,
    ['FLYNN_SERVER__PORT: server.port must be an integer between 0 and 65535, got "abc"'],
    { env: { FLYNN_SERVER__PORT: 'abc' } }
  ],
  [
    'a wrong value in a short form',
    undefined,
    ['FLYNN_PORT: server.port must be an integer between 0 and 65535, got ""'],
    { env: { FLYNN_PORT: '' } }
  ],
  [
    'a wrong value in a flag',
    undefined,
    ['--port: server.port must be an integer between 0 and 65535, got -1'],
    { flags: { port: '-1' } }
  ],
  [
    'an object that is no JSON',
    undefined,
    ['FLYNN_MODELS: models must be an object of tiers, written as JSON'],
    { env: { FLYNN_MODELS: '{canary-9d1f' } }
  ],
  [
    'a list that is no JSON',
    undefined,
    ['FLYNN_SERVER__TOKENS: server.tokens must be an array, written as JSON'],
    { env: { FLYNN_SERVER__TOKENS: '[{"token":"canary-9d1f"' } }
  ],
  [
    'a short form and its long one that differ',
    undefined,
    ['FLYNN_SERVER__TOKEN: server.token is also set by FLYNN_TOKEN, to another value'],
    { env: { FLYNN_TOKEN: 'canary-9d1f', FLYNN_SERVER__TOKEN: 'other' } }
  ],
  [
    'a provider of the environment that lacks something',
    undefined,
    ['FLYNN_MODELS__DEFAULT__OLLAMA__BASE_URL: models.default.ollama.model is missing: name of the model'],
    { env: { FLYNN_MODELS__DEFAULT__OLLAMA__BASE_URL: 'http://x' } }
  ]
]

for (const [name, yaml, expected, rest] of BAD) {
  test(`${name} is reported with its place`, async (t) => {
    const found = await problems(t, yaml, rest)
    assert.deepEqual(found, expected)
    assert.doesNotMatch(found.join('\n'), /canary/)
  })
}

const NO_ORIGINS = [
  '*',
  'null',
  'flynn.example.com',
  'https://a:99999',
  'https://[x]',
  'https://1.2.3.4.5',
  'https://a.example/path',
  'https://a.example?x',
  'https://a.example#x',
  'https://u:p@a.example',
  'file://localhost',
  'file://C:'
]

for (const origin of NO_ORIGINS) {
  test(`${origin} is no origin`, async (t) => {
    const [problem, ...others] = await problems(t, `server:\n  allowed_origins:\n    - "${origin}"\n`)
    assert.match(problem ?? '', /^flynn\.yaml:3:7 server\.allowed_origins\[0\] must be an origin such as /)
    assert.deepEqual(others, [])
  })
}

const NO_BASE_URLS = [
  'x',
  'host:1',
  '//host',
  'ftp://host',
  'file:///v1',
  'http://',
  'http:///v1',
  'http://:1',
  'http://host:99999',
  'http://host:x',
  'http://[x]',
  'http://a b',
  'http://1.2.3.4.5/v1',
  'http://host/v1?key=x',
  'http://host?key=x',
  'http://host/v1#x',
  'http://user@host',
  'http://user:password@host/v1'
]

for (const url of NO_BASE_URLS) {
  test(`${url} is no base_url`, async (t) => {
    const [problem, ...others] = await problems(t, `models:\n  default:\n    ollama:\n      model: m\n      base_url: "${url}"\n`)
    assert.match(problem ?? '', /^flynn\.yaml:5:17 models\.default\.ollama\.base_url must be a URL such as /)
    assert.deepEqual(others, [])
  })
}

test('all problems are reported together, in the order of the sources', async (t) => {
  const yaml = 'server:\n  prot: 1\n  port: x\nlog: { level: 5 }\nmodels: { fast: { ollama: } }\n'
  const found = await problems(t, yaml, {
    env: { FLYNN_HOST: '0.0.0.0', FLYNN_X_Y_Z: '', FLYNN_AGENT__MAX_STEPS: '0' },
    flags: { port: 'y' }
  })
  assert.deepEqual(
    found.map((line) => line.split(' ')[0]),
    [
      'flynn.yaml:2:3',
      'flynn.yaml:3:9',
      'flynn.yaml:4:15',
      'FLYNN_X_Y_Z:',
      'FLYNN_AGENT__MAX_STEPS:',
      '--port:',
      'flynn.yaml:5:9',
      'flynn.yaml:5:27',
      'FLYNN_HOST:'
    ]
  )
})

test('what follows from an error is not told as another one', async (t) => {
  assert.equal((await problems(t, 'server: { host: 0.0.0.0, token: 1 }')).length, 1)
  assert.equal((await problems(t, 'server: { host: 0.0.0.0')).length, 1)
  assert.equal((await problems(t, 'models: { default: { openai: { model: 1, api_key: k } } }')).length, 1)
  assert.equal((await problems(t, 'server: { tokens: [x, { name: a, token: b, scopes: [read] }] }')).length, 1)
})

test('no error shows a secret, whatever is wrong around it', async (t) => {
  const secret = 'canary-9d1f'
  const files = [
    `server: { token: [${secret}] }`,
    `server: { token: { ${secret}: 1 } }`,
    `server: ${secret}`,
    `server: { tokens: ${secret} }`,
    `server: { tokens: [${secret}] }`,
    `server: { tokens: { a: ${secret} } }`,
    `server: { tokenn: ${secret} }`,
    `server: { tokens: [{ name: a, token: ${secret}, scopes: [x] }] }`,
    `models: { default: { openai: ${secret} } }`,
    `models: { default: ${secret} }`,
    `models: { default: { openai: { api_kye: ${secret} } } }`,
    `models: { default: { ollama: { model: m, base_url: "ftp://user:${secret}@host" } } }`,
    `models: { default: { ollama: { model: m, base_url: "http://user:${secret}@host" } } }`,
    `models: { default: { ollama: { model: m, base_url: "http://user:a/${secret}@host" } } }`,
    `models: { default: { ollama: { model: m, base_url: "http://host?key=${secret}" } } }`,
    `models: { default: { ollama: { model: m, base_url: "http://host/v1#${secret}" } } }`,
    `server:\n  token: "${secret}`,
    `server:\n  token: ${secret}\n bad`,
    `server:\n  token: ${secret}: x: y`,
    `server:\n  token: !${secret}`,
    `server:\n  token: |${secret}\n    x`,
    `server: { token: ${secret}, token: x, port: x }`,
    `server: { port: "\${SECRET}" }`,
    `log: { level: "\${SECRET}" }`,
    `server: { tokens: "\${SECRET}" }`,
    `server: { allowed_origins: "\${SECRET}" }`,
    `models: "\${JSON}"`
  ]
  for (const yaml of files) {
    const found = await problems(t, yaml, {
      env: { SECRET: secret, JSON: `{"default":{"openai":{"model":["${secret}"],"context_window":"${secret}"}}}` }
    })
    assert.notEqual(found.length, 0, yaml)
    // What stands in the place of a key is quoted as one.
    if (!yaml.includes(`${secret}: 1`)) assert.doesNotMatch(found.join('\n'), /canary/, yaml)
  }
})

test('a strange key is quoted and cut', async (t) => {
  const [problem] = await problems(t, `"a\\n\\e[31m${'x'.repeat(1000)}": 1`)
  assert.match(problem ?? '', /^flynn\.yaml:1:1 "a\\n\\u001b\[31mx{10,60}" is not known/)
})

test('the result cannot be changed, at any depth', async (t) => {
  const config = await load(
    t,
    'server: { tokens: [{ name: a, token: b, scopes: [read] }] }\nmodels: { default: { offline: { model: m } } }'
  )
  const frozen = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    assert(Object.isFrozen(value), JSON.stringify(value))
    Object.values(value).forEach(frozen)
  }
  frozen(config)
  // The defaults of the schema are not what was frozen.
  frozen(await load(t, undefined))
  assert.deepEqual((await load(t, 'server: { allowed_origins: [https://a.example] }')).server.allowedOrigins, [
    'https://a.example'
  ])
})

test('a variable that ends in _FILE names a file with the value, less one newline at its end', async (t) => {
  const cwd = await folder(t, { token: 'from-a-file\n', two: 'a line\n\n', port: '1234', windows: 'crlf\r\n' })
  const token = async (name: string) => (await loadConfig({ env: { FLYNN_TOKEN_FILE: join(cwd, name) }, cwd })).server.token
  assert.equal(await token('token'), 'from-a-file')
  await assert.rejects(token('two'), /has white space around it/)
  assert.equal(await token('windows'), 'crlf')
  const env = { FLYNN_SERVER__TOKEN_FILE: join(cwd, 'token'), FLYNN_PORT_FILE: join(cwd, 'port') }
  const { server, docker } = await loadConfig({ env: { ...env, FLYNN_DOCKER__COMPOSE_FILE: '/a/compose.yaml' }, cwd })
  assert.deepEqual([server.token, server.port], ['from-a-file', 1234])
  assert.equal(docker.composeFile, '/a/compose.yaml', 'a key that is called so is no file with a value')
})

test('problems of `_FILE` variables show neither path nor content', async (t) => {
  const cwd = await folder(t, { secret: 'canary-9d1f\n', empty: '\n' })
  const env = {
    FLYNN_TOKEN_FILE: join(cwd, 'canary-none'),
    FLYNN_SERVER__SECRET_KEY: 'canary-9d1f',
    FLYNN_SERVER__SECRET_KEY_FILE: join(cwd, 'secret'),
    FLYNN_PORT_FILE: join(cwd, 'secret'),
    FLYNN_HOST_FILE: join(cwd, 'empty'),
    FLYNN_SERVER__PROT_FILE: join(cwd, 'secret')
  }
  const found = await problems(t, undefined, { env })
  const told = found.join('\n')
  assert.match(told, /^FLYNN_TOKEN_FILE: server\.token names a file that cannot be read: ENOENT$/m)
  assert.match(
    told,
    /^FLYNN_SERVER__SECRET_KEY_FILE: server\.secret_key is also set by FLYNN_SERVER__SECRET_KEY: set only one of the two/m
  )
  assert.match(told, /^FLYNN_PORT_FILE: server\.port must be an integer between 0 and 65535, got the value of FLYNN_PORT_FILE$/m)
  assert.match(told, /^FLYNN_HOST_FILE: server\.host must be/m)
  assert.match(told, /^FLYNN_SERVER__PROT_FILE: stands for no setting/m)
  assert.ok(!told.includes('canary') && !told.includes(cwd), told)
})

test('secrets that were mangled on their way are refused without being shown', async (t) => {
  for (const [token, problem] of [
    ['" canary-9d1f"', 'has white space around it'],
    ['"canary-9d1f\\n"', 'has white space around it'],
    ['"canary\\u0007-9d1f"', 'has control characters'],
    ['"$CANARY_TOKEN"', 'is the name of a variable']
  ] as const) {
    const [text = ''] = await problems(t, `server: { token: ${token} }`)
    assert.match(text, new RegExp(`^flynn\\.yaml:1:18 server\\.token ${problem}`))
    assert.doesNotMatch(text, /canary-9d1f|CANARY/)
  }
})
