import { type Static, Type } from '@sinclair/typebox'
import type { Camel } from './parse/names.ts'
import { AgentSection } from './sections/agent.ts'
import { BackendsSection } from './sections/backends.ts'
import { BlueBubbles } from './sections/bluebubbles.ts'
import { DatabaseSection } from './sections/database.ts'
import { DockerSection } from './sections/docker.ts'
import { Gmail } from './sections/gmail.ts'
import { GoogleChat } from './sections/google-chat.ts'
import { LanesSection } from './sections/lanes.ts'
import { LimitsSection } from './sections/limits.ts'
import { Models } from './sections/models.ts'
import { ObservabilitySection } from './sections/observability.ts'
import { PluginsSection } from './sections/plugins.ts'
import { RetentionSection } from './sections/retention.ts'
import { filled, name, named, oneOf, path, restart, section } from './sections/schema-helpers.ts'
import { Server } from './sections/server.ts'
import { Teams } from './sections/teams.ts'
import { Telegram } from './sections/telegram.ts'
import { ToolsSection } from './sections/tools.ts'
import { WebChat } from './sections/webchat.ts'
import { Webhooks } from './sections/webhooks.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Senders that a channel takes messages from. */
const PAIRING = ['open', 'required', 'allowlist'] as const

/** Every key of the configuration, under its name in the file. A property without default that is not optional must be written. */
export const ConfigSchema = section('Configuration of flynn-gateway', {
  server: Server,
  data_dir: Type.String({ description: 'Folder of the database and the workspaces', default: './data', ...path, ...restart }),
  database: DatabaseSection,
  models: Models,
  agent: AgentSection,
  lanes: LanesSection,
  tools: ToolsSection,
  limits: LimitsSection,
  presence: section('Presence of senders', {
    offline_after_seconds: Type.Integer({
      description: 'Seconds without a message after which a sender is offline',
      default: 300,
      minimum: 1,
      maximum: 30 * 86_400
    })
  }),
  pairing: section('Senders that may talk to the agent on channels', {
    default: oneOf(PAIRING, {
      description:
        'required: senders who are paired with a code, and listed ones (Gmail: listed ones and the account itself). allowlist: listed senders. open: everyone, as a guest',
      default: 'required'
    }),
    channels: named(name.pattern, oneOf(PAIRING, { description: 'Policy of one channel' }), {
      description: 'Policies that differ by channel',
      default: {},
      key: name.expected,
      expected: 'an object of channels'
    }),
    allowlist: named(
      name.pattern,
      Type.Array(Type.String({ ...filled }), { description: 'Ids of senders, as system.presence shows them' }),
      {
        description: 'Senders who may write on a channel without a code, as guests',
        default: {},
        key: name.expected,
        expected: 'an object of channels'
      }
    )
  }),
  backends: BackendsSection,
  docker: DockerSection,
  observability: ObservabilitySection,
  retention: RetentionSection,
  webhooks: Webhooks,
  gmail: Gmail,
  teams: Teams,
  telegram: Telegram,
  google_chat: GoogleChat,
  bluebubbles: BlueBubbles,
  webchat: WebChat,
  plugins: PluginsSection,
  log: section('Log', {
    level: oneOf(LOG_LEVELS, { description: 'Lowest level that is logged', default: 'info' })
  })
})

type File = Static<typeof ConfigSchema>

/** The configuration: complete, checked, frozen, paths absolute. */
export type Config = Camel<File>

/** Any part of the configuration, in the names of the file or of the program. */
export type ConfigInput = Partially<File> | Partially<Config>

type Partially<T> = T extends readonly (infer Item)[]
  ? readonly Item[]
  : T extends object
    ? { readonly [Key in keyof T]?: Partially<T[Key]> | undefined }
    : T
