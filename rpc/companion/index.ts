export { type BrowserOptions, browserCompanion } from './browser.ts'
export {
  type Companion,
  type CompanionOptions,
  type CompanionState,
  createCompanion,
  type NodeLocation,
  type NodeOptions,
  type NodeStatus,
  type PushToken,
  type Registration
} from './companion.ts'
export type { Capability, DescribedCapability, Handler, HandlerContext, Invocation } from './invocations.ts'
export type { Namespace } from './namespace.ts'
export { androidCompanion, type IosOptions, iosCompanion, type PhoneBridge, type PhoneOptions } from './phone.ts'
