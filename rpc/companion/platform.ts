import type { NodeStatus } from './companion.ts'
import type { Handler } from './invocations.ts'

/** Capabilities and status of a platform, as detected. */
export interface Platform {
  /** `notifications`, `clipboard.read`, `clipboard.write`, `link.open`, `screen.capture`: those that work here. */
  readonly capabilities: Readonly<Record<string, Handler>>
  readonly status: () => NodeStatus | Promise<NodeStatus>
}

/** Handlers by name, without those whose part of the platform is missing. */
export function offered(capabilities: Readonly<Record<string, Handler | '' | undefined>>): Record<string, Handler> {
  return Object.fromEntries(
    Object.entries(capabilities).filter((entry): entry is [string, Handler] => typeof entry[1] === 'function')
  )
}
