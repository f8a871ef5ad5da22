import { type Static, type TProperties, type TSchema, Type } from '@sinclair/typebox'
import { SCOPES } from '../../rpc/define.ts'
import { CAPABILITY } from '../../rpc/schemas/node.ts'
import { MAX_CAP, MAX_DEBOUNCE_MS, OVERFLOWS, QUEUE_MODES } from '../../rpc/schemas/queue.ts'
import type { Camel } from './names.ts'

/** The kinds of model provider that the gateway brings; plugins may add more. */
export const PROVIDERS: readonly string[] = ['anthropic', 'openai', 'openai_compatible', 'ollama', 'llamacpp', 'offline']

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** What becomes of a turn that was running when the process died. */
const RECOVERIES = ['abandon', 'retry'] as const

/** Whether a channel takes messages from strangers. */
const PAIRING = ['open', 'required'] as const

const KiB = 1024
const MiB = 1024 * KiB

/** Never shown: not in an error, not in a log. */
const secret = { secret: true } as const
/** A file or folder; relative to the configuration file that names it, else to the working directory. */
const path = { path: true, minLength: 1, expected: 'a path' } as const
/** May be written without a character in it only by mistake, and an empty token would let everyone in. */
const filled = { pattern: '\\S', expected: 'a string that is not empty' } as const
/** 256 bits: 42 digits, one of which the last two bits are zero, and the padding. */
const secretKey = {
  pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$',
  expected: '32 bytes in base64, such as `openssl rand -base64 32` prints'
} as const
/** Chosen by the operator; ends up in logs, in commands and in keys. */
const name = { pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$', expected: 'a name of 1 to 64 letters, digits and . _ @ -' } as const
/** The pattern keeps out what has no business here; whether the rest is a URL, its parser knows (`url`). */
const baseUrl = {
  url: true,
  pattern: '^https?://[^\\s/?#@]+(/[^\\s?#]*)?$',
  expected: 'a URL such as https://example.com/v1, without credentials or a query in it'
} as const
/** Of any scheme: extensions of browsers have their own. */
const origin = {
  url: true,
  pattern: '^[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9.:[\\]-]+/?$',
  expected: 'an origin such as https://flynn.example.com, without a path'
} as const

const section = <P extends TProperties>(description: string, properties: P) =>
  Type.Object(properties, { additionalProperties: false, description })

const oneOf = <const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}) =>
  Type.Union(
    values.map((value) => Type.Literal(value as T[number])),
    options
  )

/** Keys that the operator chooses; `key` says how they may look. What is nearly one of `names` is a slip. */
const named = <T extends TSchema>(pattern: string, value: T, options: Record<string, unknown>) =>
  Type.Record(Type.String({ pattern }), value, { additionalProperties: false, ...options })

const Token = section('One credential and what it may do', {
  name: Type.String({
    description: 'Who this is, in logs and in the audit log',
    ...name
  }),
  token: Type.String({ description: 'The secret itself', ...secret, ...filled }),
  scopes: Type.Array(oneOf(SCOPES), { description: 'What it may do; `admin` includes all others', minItems: 1 })
})

const Tls = section('Serve TLS; both files in PEM', {
  cert: Type.String({ description: 'Certificate chain', ...path }),
  key: Type.String({ description: 'Private key of the certificate', ...path })
})

const Nodes = section('Companion devices', {
  enabled: Type.Boolean({ description: 'Let companion devices register', default: false }),
  allowed_roles: Type.Array(Type.String(name), { description: 'The roles they may register with', default: ['companion'] }),
  feature_gates: named(CAPABILITY.pattern, Type.Boolean({ description: 'Whether nodes that declare it may use it' }), {
    description: 'Which capabilities of nodes are enabled; what is not listed is not',
    default: {},
    key: CAPABILITY.expected,
    expected: 'an object of capabilities'
  }),
  location: section('Where they are', {
    enabled: Type.Boolean({ description: 'Take and keep the locations of nodes', default: false })
  }),
  push: section('How they are woken', {
    enabled: Type.Boolean({ description: 'Take and keep the push tokens of nodes', default: false })
  })
})

const Server = section('The listening side', {
  host: Type.String({
    description: 'Address to listen on; any other than loopback needs a token',
    default: '127.0.0.1',
    pattern: '^[^\\s/]+$',
    expected: 'an IP address or host name'
  }),
  port: Type.Integer({ description: 'Port to listen on; 0 takes a free one', default: 18800, minimum: 0, maximum: 65535 }),
  token: Type.Optional(
    Type.String({ description: 'Bearer token with every scope; absent: no login, loopback only', ...secret, ...filled })
  ),
  tokens: Type.Array(Token, { description: 'More tokens, each with its own name and scopes', default: [] }),
  auth_http: Type.Boolean({ description: 'HTTP reads need a token too; WebSocket and writes always do', default: true }),
  tailscale_identity: Type.Boolean({ description: 'Accept the login that `tailscale serve` vouches for', default: false }),
  tailscale_allowed_logins: Type.Optional(
    Type.Array(Type.String(filled), { description: 'Only these Tailscale logins; absent: any of the tailnet' })
  ),
  allowed_origins: Type.Array(Type.String(origin), {
    description: 'Browser origins let in beside the own one of the gateway',
    default: []
  }),
  max_payload_bytes: Type.Integer({
    description: 'Largest frame or request body; more closes the socket with 1009',
    default: 16 * MiB,
    minimum: KiB,
    maximum: 256 * MiB
  }),
  send_buffer_bytes: Type.Integer({
    description: 'Unsent bytes of one socket from which events are merged; at four times this it is closed with 1013',
    default: MiB,
    minimum: KiB,
    maximum: 256 * MiB
  }),
  shutdown_grace_seconds: Type.Number({
    description: 'How long running turns may go on when the gateway is asked to stop',
    default: 10,
    minimum: 0,
    maximum: 3600
  }),
  secret_key: Type.Optional(
    Type.String({
      description: 'Encrypts push tokens in the database: 32 bytes in base64; absent: they are stored as they are',
      ...secret,
      ...secretKey
    })
  ),
  tls: Type.Optional(Tls),
  nodes: Nodes
})

const Provider = section('One provider of models', {
  api_key: Type.Optional(Type.String({ description: 'Key of the provider', ...secret, ...filled })),
  base_url: Type.Optional(Type.String({ description: 'Where its API is; required for openai_compatible', ...baseUrl })),
  model: Type.Optional(Type.String({ description: 'Its name for the model; required for all but offline', ...filled })),
  context_window: Type.Optional(
    Type.Integer({
      description: 'Tokens that the model can look at; absent: what is known of it',
      minimum: 256,
      maximum: 100_000_000
    })
  ),
  max_output_tokens: Type.Optional(
    Type.Integer({
      description: 'Tokens of one answer at most; absent: what is known of the model',
      minimum: 1,
      maximum: 10_000_000
    })
  )
})

const Tier = named(name.pattern, Provider, {
  description: 'Providers of one tier, in the order in which they are tried',
  names: PROVIDERS,
  key: name.expected,
  minProperties: 1,
  expected: 'an object with at least one provider'
})

/** What happens to messages that come while the agent is busy. */
const policy = {
  mode: oneOf(QUEUE_MODES, { description: 'What a message does while a turn is running' }),
  cap: Type.Integer({ description: 'How many messages may wait in a session', minimum: 1, maximum: MAX_CAP }),
  overflow: oneOf(OVERFLOWS, { description: 'Which message has to go when that many wait' }),
  debounce_ms: Type.Integer({
    description: 'How long nothing must have come before what was collected becomes a turn',
    minimum: 0,
    maximum: MAX_DEBOUNCE_MS
  }),
  summarize_overflow: Type.Boolean({ description: 'Whether the next turn is told what was dropped' })
}

const preset = <T extends TSchema>(schema: T, value: Static<T>): T => ({ ...schema, default: value })

/** Every key of the configuration, under its name in the file. A property without default that is not optional must be written. */
export const ConfigSchema = section('The configuration of the gateway', {
  server: Server,
  data_dir: Type.String({ description: 'Folder of the database and the workspaces', default: './data', ...path }),
  models: named(name.pattern, Tier, {
    description: 'Models by tier; `default` answers unless another tier is asked for. Absent: the offline model',
    default: {},
    key: name.expected,
    expected: 'an object of tiers'
  }),
  agent: section('The agent', {
    system_prompt: Type.String({
      description: 'What the model is told before every conversation',
      default:
        'You are Flynn, a helpful assistant. Answer in the language you are spoken to. Use your tools when they help, and say plainly when something did not work.'
    }),
    run_timeout_seconds: Type.Number({
      description: 'A turn that takes longer is aborted',
      default: 600,
      minimum: 0.1,
      maximum: 86_400
    }),
    max_steps: Type.Integer({ description: 'Model calls in one turn at most', default: 40, minimum: 1, maximum: 1000 })
  }),
  lanes: section('Queues, one a session', {
    max_concurrent_runs: Type.Integer({
      description: 'Turns that run at the same time, over all sessions',
      default: 32,
      minimum: 1,
      maximum: 10_000
    }),
    recovery: oneOf(RECOVERIES, {
      description: 'What becomes of a turn that the end of the process cut off: told as interrupted, or run again',
      default: 'abandon'
    }),
    default: section('What happens to messages that come while the agent is busy', {
      mode: preset(policy.mode, 'followup'),
      cap: preset(policy.cap, 20),
      overflow: preset(policy.overflow, 'drop_old'),
      debounce_ms: preset(policy.debounce_ms, 250),
      summarize_overflow: preset(policy.summarize_overflow, true)
    }),
    channels: named(name.pattern, Type.Partial(section('What one frontend has of its own', policy)), {
      description: 'What differs by frontend, the part of a session id before its colon',
      default: {},
      key: name.expected,
      expected: 'an object of frontends'
    })
  }),
  tools: section('What the agent may use', {
    shell: section('shell.exec', {
      enabled: Type.Boolean({ description: 'Let the agent run commands, as the user of the gateway', default: false })
    }),
    web: section('web.fetch', {
      allow_hosts: Type.Array(
        Type.String({ pattern: '^[^\\s/@]+$', expected: 'a host name or address, without scheme and path' }),
        {
          description: 'Hosts that may be fetched although their address is private',
          default: []
        }
      )
    })
  }),
  presence: section('Who is there', {
    offline_after_seconds: Type.Integer({
      description: 'A sender who has not written for longer counts as offline',
      default: 300,
      minimum: 1,
      maximum: 30 * 86_400
    })
  }),
  pairing: section('Whom the agent listens to on channels', {
    default: oneOf(PAIRING, {
      description: 'Whether everybody is heard, or only senders who were let in with a code',
      default: 'open'
    }),
    channels: named(name.pattern, oneOf(PAIRING, { description: 'What holds for one channel' }), {
      description: 'What differs by channel',
      default: {},
      key: name.expected,
      expected: 'an object of channels'
    })
  }),
  log: section('The log', {
    level: oneOf(LOG_LEVELS, { description: 'The least important lines that are still written', default: 'info' })
  })
})

type File = Static<typeof ConfigSchema>

/** The configuration: complete, checked, frozen, paths absolute. */
export type Config = Camel<File>

/** What may be written: any part of the configuration, in the file's names or in those of the program. */
export type ConfigInput = Partially<File> | Partially<Config>

type Partially<T> = T extends readonly (infer Item)[]
  ? readonly Item[]
  : T extends object
    ? { readonly [Key in keyof T]?: Partially<T[Key]> | undefined }
    : T
