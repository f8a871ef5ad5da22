/** What a plugin needs to add methods: `flynn-gateway/rpc`. Everything else of this folder is the gateway's own. */
export type { Caller, Context, EventMap, Example, Method, Origin, Peer, Requirement, Scope } from './define.ts'
export { defineMethod } from './define.ts'
export type { ErrorData, ErrorName, Issue, RpcErrorOptions } from './errors.ts'
export { RpcError } from './errors.ts'
