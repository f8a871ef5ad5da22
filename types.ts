/** Imports of plugin authors, augmented with `declare module 'flynn-gateway/types'`. */
export type { Db, JsonValue, PluginStore, PluginValue } from './db/client.ts'
export type { Command, CommandContext, Invocation } from './plugins/commands/index.ts'
export type { Config, ConfigInput } from './plugins/config/index.ts'
export * from './plugins/define.ts'
export type { Check, Finding } from './plugins/doctor/index.ts'
export type {} from './plugins/index.ts'
export type { PushMessage, PushSent, PushService, PushTarget } from './plugins/nodes/index.ts'
