/** Exports for plugins that add a channel: `flynn-gateway/channels`. The rest of this folder is internal. */
export type { Channel, Delivery, Inbound, Receipt } from './define.ts'
export { DeliveryError } from './define.ts'
export type { Answer, InboundRequest, InboundRoute } from './inbound.ts'
export { inbound, Refusal, sameSecret } from './inbound.ts'
