import { randomUUID } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import type { Peer } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import type { Registration } from './registrations.ts'
import type { Invoked, ResultParams } from './schema.ts'
import { MAX_CALL_CHARACTERS, MAX_CALLS } from './schema.ts'

export interface Call {
  readonly capability: string
  readonly args: Record<string, unknown>
  readonly timeoutMs: number
  /** The requester of the answer is gone. */
  readonly signal: AbortSignal
}

interface Pending {
  readonly nodeId: string
  readonly capability: string
  resolve(answer: Static<typeof Invoked>): void
  reject(error: unknown): void
}

/** Calls to nodes without an answer yet. Each ends once: answered, timed out, given up, or its node gone. */
export class Calls {
  /** By connection: only the one that was asked can answer. */
  readonly #pending = new Map<Peer, Map<string, Pending>>()

  /**
   * Asks a node, and waits for its answer.
   * @throws RpcError InvalidRequest for a capability it does not have or arguments that its schema does not allow, AgentBusy when too much waits for it, RequestCancelled when `signal`
   * is aborted, InternalError when no answer came
   */
  async start(
    { connection, node, capabilities, checks, invoke }: Registration,
    { capability, args, timeoutMs, signal }: Call
  ): Promise<Static<typeof Invoked>> {
    if (!capabilities.enabled.includes(capability)) throw incapable(capability, capabilities)
    if (JSON.stringify(args).length > MAX_CALL_CHARACTERS) throw tooLarge('params.args')
    const issues = checks.get(capability)?.(args) ?? []
    if (issues.length > 0) throw invalidParams(issues.map(({ path, message }) => ({ path: `params.${path}`, message })))
    const waiting = this.#pending.get(connection) ?? new Map<string, Pending>()
    if (waiting.size >= MAX_CALLS) {
      throw new RpcError('AgentBusy', `${MAX_CALLS} calls of the node ${node.id} wait for its answer, more are too many`)
    }
    if (signal.aborted) throw cancelled()
    const callId = randomUUID()
    const { promise, resolve, reject } = Promise.withResolvers<Static<typeof Invoked>>()
    const timer = setTimeout(
      () => reject(new RpcError('InternalError', `The node ${node.id} did not answer within ${timeoutMs} ms`)),
      timeoutMs
    ).unref()
    const gone = (): void => reject(cancelled())
    signal.addEventListener('abort', gone, { once: true })
    waiting.set(callId, { nodeId: node.id, capability, resolve, reject })
    this.#pending.set(connection, waiting)
    try {
      invoke({ callId, capability, args })
      return await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', gone)
      waiting.delete(callId)
      if (waiting.size === 0 && this.#pending.get(connection) === waiting) this.#pending.delete(connection)
    }
  }

  /**
   * Answer of a node to a call.
   * @throws RpcError InvalidRequest when that call does not wait for an answer of this connection, or the answer is none
   */
  answer(connection: Peer, { callId, ok, output, error }: Static<typeof ResultParams>): void {
    const waiting = this.#pending.get(connection)
    const call = waiting?.get(callId)
    if (!waiting || !call) {
      throw new RpcError('InvalidRequest', 'No call of this id waits for an answer of this node: it was answered, or has ended')
    }
    if (ok && error !== undefined) throw invalidParams([{ path: 'params.error', message: 'is for a call that is not ok' }])
    if (!ok && output !== undefined) throw invalidParams([{ path: 'params.output', message: 'is for a call that is ok' }])
    if (!ok && error === undefined) throw invalidParams([{ path: 'params.error', message: 'is required when ok is false' }])
    if (output !== undefined && JSON.stringify(output).length > MAX_CALL_CHARACTERS) throw tooLarge('params.output')
    // At once, and not when the caller goes on: the next answer may be in the same packet.
    waiting.delete(callId)
    const said = ok ? (output === undefined ? {} : { output }) : { error: error! }
    const { nodeId, capability } = call
    call.resolve({ nodeId, capability, callId, ok, ...said })
  }

  /** Ends the calls of a connection that will not answer any more. */
  abandon(connection: Peer, nodeId: string, why: string): void {
    const waiting = this.#pending.get(connection)
    this.#pending.delete(connection)
    const error = new RpcError('InternalError', `The node ${nodeId} did not answer: ${why}`)
    for (const { reject } of waiting?.values() ?? []) reject(error)
  }
}

function incapable(capability: string, { declared, enabled }: Registration['capabilities']): RpcError {
  const why = declared.includes(capability) ? 'server.nodes.feature_gates does not enable it' : 'the node did not declare it'
  const known = enabled.length > 0 ? `enabled here: ${enabled.join(', ')}` : 'none is enabled here'
  return invalidParams([{ path: 'params.capability', message: `is not enabled: ${why}; ${known}` }])
}

function tooLarge(path: string): RpcError {
  return invalidParams([{ path, message: `must be at most ${MAX_CALL_CHARACTERS} characters as JSON` }])
}

function cancelled(): RpcError {
  return new RpcError('RequestCancelled', 'Cancelled before the node had answered')
}
