import { randomUUID } from 'node:crypto'
import { Alarm, type Clock } from '../../lanes/clock.ts'
import type { Caller, Peer } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { allows } from '../../rpc/registry.ts'
import type { Audit } from '../audit/index.ts'
import type { Bus } from '../bus/index.ts'
import { Callbacks } from './callbacks.ts'

/** Time that a person has to answer. */
export const CONFIRM_MS = 120_000
/** Tools that may wait at once, over all sessions: each of them holds a conversation in memory. */
export const MAX_WAITING = 1000

/** A tool call that needs a confirmation. */
export interface ConfirmationRequest {
  readonly sessionId: string
  /** Id of the caller that the tool would run for. */
  readonly owner: string
  readonly tool: string
  /** Arguments exactly as the tool would get them. */
  readonly args: Readonly<Record<string, unknown>>
  /** Aborted when the run is stopped. An answer is then too late. */
  readonly signal: AbortSignal
}

/** Approval, or the reason against it for the model. */
export type Decision = { readonly approved: true } | { readonly approved: false; readonly why: string }

export interface PendingConfirmation {
  /** Unguessable id of this one call, used once. It is independent of the model's own ids, which repeat. */
  readonly callId: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** Never rejects. Settles at `expiresAt` at the latest. */
  readonly decision: Promise<Decision>
}

interface WaitingCall extends ConfirmationRequest {
  readonly expiresAt: number
  end(decision: Decision): void
}

interface Answer {
  readonly callId: string
  readonly approve: boolean
  readonly reason?: string | undefined
}

interface ConfirmationsOptions {
  readonly bus: Pick<Bus, 'subscribe'>
  readonly audit: Pick<Audit, 'record'>
  readonly clock: Clock
}

/**
 * Tool calls that wait for a person. Each question has exactly one end:
 *
 * ```
 *              ┌─ agent.confirmTool {approve: true} ──▶ approved
 *   asked ─────┼─ agent.confirmTool {approve: false} ─▶ refused
 *              ├─ 120 s ──────────────────────────────▶ refused
 *              ├─ the last who could approve left ────▶ refused
 *              └─ the run is stopped ─────────────────▶ refused
 * ```
 *
 * An answer counts once, and for that call alone. Questions end with the process: a run that is tried again asks again.
 */
export class Confirmations {
  readonly callbacks: Callbacks
  readonly #audit: ConfirmationsOptions['audit']
  readonly #clock: Clock
  readonly #waiting = new Map<string, WaitingCall>()

  constructor({ bus, audit, clock }: ConfirmationsOptions) {
    this.callbacks = new Callbacks({ bus, left: (sessionId) => this.#left(sessionId) })
    this.#audit = audit
    this.#clock = clock
  }

  /** Number of waiting calls. */
  get size(): number {
    return this.#waiting.size
  }

  /** Starts to wait for an answer, or refuses when no connection could confirm. The caller has to publish the question. */
  ask(question: ConfirmationRequest): PendingConfirmation | { readonly refused: string } {
    const { sessionId, owner, tool, signal } = question
    if (!this.#hasApprover(sessionId, owner)) {
      return { refused: `Not run: ${tool} needs a confirmation, and no connected person can give it.` }
    }
    if (this.#waiting.size >= MAX_WAITING) {
      return { refused: `Not run: ${tool} needs a confirmation, and too many calls wait for one already.` }
    }
    const callId = randomUUID()
    const expiresAt = this.#clock.now() + CONFIRM_MS
    const { promise, resolve } = Promise.withResolvers<Decision>()
    const alarm = new Alarm(this.#clock)
    const stopped = (): void => end({ approved: false, why: 'Not run: the run was stopped.' })
    const end = (decision: Decision): void => {
      this.#waiting.delete(callId)
      alarm.clear()
      signal.removeEventListener('abort', stopped)
      resolve(decision)
    }
    this.#waiting.set(callId, { ...question, expiresAt, end })
    alarm.set(CONFIRM_MS, () =>
      end({ approved: false, why: `Not run: ${tool} was not confirmed within ${CONFIRM_MS / 1000} s.` })
    )
    signal.addEventListener('abort', stopped, { once: true })
    if (signal.aborted) stopped()
    return { callId, expiresAt, decision: promise }
  }

  /**
   * Answers a waiting call.
   * @throws RpcError InvalidRequest when no call of that id waits; AuthFailed when this connection has no callback in its session,
   * or the caller is neither the requester nor an operator
   */
  answer(connection: Peer, caller: Caller, { callId, approve, reason }: Answer): void {
    const waiting = this.#waiting.get(callId)
    if (waiting === undefined || waiting.expiresAt <= this.#clock.now()) {
      const message = 'is not the id of a waiting tool call: it is unknown, was answered already, or has expired'
      throw invalidParams([{ path: 'params.callId', message }])
    }
    const { sessionId, owner, tool, args } = waiting
    if (!this.callbacks.has(connection, sessionId)) {
      throw forbidden('This connection does not receive the tool events of that session: call agent.setToolUseCallback first')
    }
    if (!mayApprove(caller, owner)) {
      throw forbidden("Only the requester of the run, or a credential with the scope 'operate', may confirm its tools")
    }
    this.#audit.record('tool.confirm', caller.id, {
      tool,
      sessionId,
      owner,
      approved: approve,
      ...(reason === undefined ? {} : { reason }),
      args: JSON.stringify(args)
    })
    waiting.end(approve ? { approved: true } : { approved: false, why: refusedBecause(tool, reason) })
  }

  #left(sessionId: string): void {
    for (const waiting of [...this.#waiting.values()]) {
      if (waiting.sessionId !== sessionId || this.#hasApprover(sessionId, waiting.owner)) continue
      waiting.end({ approved: false, why: `Not run: the last person who could confirm ${waiting.tool} has disconnected.` })
    }
  }

  #hasApprover(sessionId: string, owner: string): boolean {
    return this.callbacks.of(sessionId).some((caller) => mayApprove(caller, owner))
  }
}

/** The requester may approve, and a caller who could run any tool directly. So a run never gets rights that its approver lacks. */
function mayApprove(caller: Caller, owner: string): boolean {
  return caller.id === owner || allows(caller, 'operate')
}

function refusedBecause(tool: string, reason: string | undefined): string {
  const why = reason?.trim()
  return why ? `Not run: a person refused ${tool}: ${why}` : `Not run: a person refused ${tool}.`
}

function forbidden(message: string): RpcError {
  return new RpcError('AuthFailed', message, { statusCode: 403 })
}
