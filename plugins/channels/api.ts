/** What a plugin needs to add a channel: `flynn-gateway/channels`. Everything else of this folder is the gateway's own. */
export type { Channel, Delivery, Inbound, Receipt } from './define.ts'
export { DeliveryError } from './define.ts'
export type { Answer, InboundRequest, InboundRoute } from './inbound.ts'
export { inbound, Refusal, sameSecret } from './inbound.ts'
