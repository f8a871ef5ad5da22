import { randomUUID } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import { Alarm, type Clock } from '../../lanes/clock.ts'
import type { Caller, Peer } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { allows } from '../../rpc/registry.ts'
import type { Confirmation } from '../../rpc/schemas/confirmation.ts'
import type { Audit } from '../audit/index.ts'
import type { Bus } from '../bus/index.ts'
import type { Hooks } from '../hooks/index.ts'
import { Callbacks } from './callbacks.ts'

/** Time that a person has to answer. */
export const CONFIRM_MS = 120_000
/** Tools that may wait at once, over all sessions: each of them holds a conversation in memory. */
export const MAX_WAITING = 1000

/** Time for which a person whose inbox has closed counts as present. */
export const INBOX_GRACE_MS = 10_000
/** Characters of arguments in an event. */
const MAX_EVENT_ARGS = 64 * 1024

/** A tool call that needs a confirmation. */
export interface ConfirmationRequest {
  readonly sessionId: string
  readonly runId: string
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
  readonly openedAt: number
  readonly expiresAt: number
  end(decision: Decision): void
}

interface Answer {
  readonly callId: string
  readonly approve: boolean
  readonly reason?: string | undefined
}

declare module '../hooks/hooks.ts' {
  interface HookEvents {
    /** A tool call begins to wait for a person. */
    'confirm.opened': Static<typeof Confirmation>
    /** A tool call does not wait any more. */
    'confirm.closed': Static<typeof Confirmation> & { readonly approved: boolean }
  }
}

/** A connection that shows the waiting calls of all sessions, and its caller. */
type Approver = { readonly peer: Peer; readonly caller: Caller }

interface ConfirmationsOptions {
  readonly hooks: Pick<Hooks, 'emit'>
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
 * A person is present with a tool use callback in the session, or with an open inbox: a connection that gets the event `confirm`. A person
 * whose inbox has closed counts for another 10 s, so that the reload of a page refuses nothing.
 *
 * An answer counts once, and for that call alone. Questions end with the process: a run that is tried again asks again.
 */
export class Confirmations {
  readonly callbacks: Callbacks
  readonly #audit: ConfirmationsOptions['audit']
  readonly #clock: Clock
  readonly #waiting = new Map<string, WaitingCall>()
  readonly #hooks: Pick<Hooks, 'emit'>
  #inbox: () => readonly Approver[] = () => []
  /** Callers whose inbox has closed within `INBOX_GRACE_MS`. */
  readonly #departed = new Map<Caller, Alarm>()

  constructor({ bus, audit, clock, hooks }: ConfirmationsOptions) {
    this.#hooks = hooks
    this.callbacks = new Callbacks({ bus, left: (sessionId) => this.#left(sessionId) })
    this.#audit = audit
    this.#clock = clock
  }

  /** Number of waiting calls. */
  get size(): number {
    return this.#waiting.size
  }

  /** Sets the connections that show the waiting calls of all sessions. */
  setInbox(inbox: () => readonly Approver[]): void {
    this.#inbox = inbox
  }

  /** The connection of an open inbox was closed. Its person counts for a while longer. */
  departed(caller: Caller): void {
    if (this.#waiting.size === 0 || this.#departed.has(caller)) return
    const alarm = new Alarm(this.#clock)
    this.#departed.set(caller, alarm)
    alarm.set(INBOX_GRACE_MS, () => {
      this.#departed.delete(caller)
      this.recheck()
    })
  }

  /** Refuses the calls that no present person could confirm: an inbox may have closed. */
  recheck(): void {
    for (const sessionId of new Set(Array.from(this.#waiting.values(), (call) => call.sessionId))) this.#left(sessionId)
  }

  /** Ends the timers. */
  close(): void {
    for (const alarm of this.#departed.values()) alarm.clear()
    this.#departed.clear()
  }

  /** Waiting calls, those that expire first at the front. `bytes` bounds their arguments; at least one is returned. */
  list({ limit, bytes }: { readonly limit: number; readonly bytes: number }) {
    const shown: Static<typeof Confirmation>[] = []
    let left = bytes
    for (const [callId, call] of this.#waiting) {
      left -= JSON.stringify(call.args).length
      if (shown.length === limit || (left < 0 && shown.length > 0)) break
      shown.push({ ...confirmationOf(callId, call), args: { ...call.args } })
    }
    return { confirmations: shown, total: this.#waiting.size }
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
    const openedAt = this.#clock.now()
    const expiresAt = openedAt + CONFIRM_MS
    const call = { ...question, openedAt, expiresAt }
    const { promise, resolve } = Promise.withResolvers<Decision>()
    const alarm = new Alarm(this.#clock)
    const stopped = (): void => end({ approved: false, why: 'Not run: the run was stopped.' })
    const end = (decision: Decision): void => {
      if (!this.#waiting.delete(callId)) return
      alarm.clear()
      signal.removeEventListener('abort', stopped)
      resolve(decision)
      this.#hooks.emit('confirm.closed', { ...confirmationOf(callId, call), approved: decision.approved })
    }
    this.#waiting.set(callId, { ...call, end })
    this.#hooks.emit('confirm.opened', confirmationOf(callId, call))
    alarm.set(CONFIRM_MS, () =>
      end({ approved: false, why: `Not run: ${tool} was not confirmed within ${CONFIRM_MS / 1000} s.` })
    )
    signal.addEventListener('abort', stopped, { once: true })
    if (signal.aborted) stopped()
    return { callId, expiresAt, decision: promise }
  }

  /**
   * Answers a waiting call.
   * @param connection absent over HTTP, where a notification is answered
   * @throws RpcError InvalidRequest when no call of that id waits; AuthFailed when this connection has no callback in its session
   * and no inbox, or the caller is neither the requester nor an operator
   */
  answer(connection: Peer | undefined, caller: Caller, { callId, approve, reason }: Answer): void {
    const waiting = this.#waiting.get(callId)
    if (waiting === undefined || waiting.expiresAt <= this.#clock.now()) {
      const message = 'is not the id of a waiting tool call: it is unknown, was answered already, or has expired'
      throw invalidParams([{ path: 'params.callId', message }])
    }
    const { sessionId, owner, tool, args } = waiting
    if (connection && !this.callbacks.has(connection, sessionId) && !this.#inbox().some(({ peer }) => peer === connection)) {
      throw forbidden(
        'This connection does not receive the tool events of that session: call agent.setToolUseCallback first, or subscribe to the event confirm'
      )
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
    const inbox = this.#inbox().map(({ caller }) => caller)
    return (
      this.callbacks.of(sessionId).some((caller) => mayApprove(caller, owner)) ||
      [...inbox, ...this.#departed.keys()].some((caller) => allows(caller, 'write') && mayApprove(caller, owner))
    )
  }
}

/** Shown of a waiting call. Long arguments are left out: every subscriber would get them. */
function confirmationOf(callId: string, call: Omit<WaitingCall, 'end'>): Static<typeof Confirmation> {
  const { sessionId, runId, owner, tool, args, openedAt, expiresAt } = call
  const isShort = JSON.stringify(args).length <= MAX_EVENT_ARGS
  return { callId, sessionId, runId, owner, tool, ...(isShort ? { args: { ...args } } : {}), openedAt, expiresAt }
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
