import type { NodeStatus } from './companion.ts'
import type { DescribedCapability } from './invocations.ts'

/** Capabilities and status of a platform, as detected. */
export interface Platform {
  /** `notifications`, `clipboard.read`, `clipboard.write`, `link.open`, `screen.capture`: those that work here. */
  readonly capabilities: Readonly<Record<string, DescribedCapability>>
  readonly status: () => NodeStatus | Promise<NodeStatus>
}
