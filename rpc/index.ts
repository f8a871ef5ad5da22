/** Errors and types of the protocol, for authors of plugins: `flynn-gateway/rpc`. */
export type { Caller, Context, EventMap, Example, Method, Origin, Peer, Requirement, Scope } from './define.ts'
export type { ErrorData, ErrorName, Issue, RpcErrorOptions } from './errors.ts'
export { RpcError } from './errors.ts'
