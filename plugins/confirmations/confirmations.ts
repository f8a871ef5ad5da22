import { randomUUID } from 'node:crypto'
import { Alarm, type Clock } from '../../lanes/clock.ts'
import type { Caller, Peer } from '../../rpc/define.ts'
import { invalidParams, RpcError } from '../../rpc/errors.ts'
import { allows } from '../../rpc/registry.ts'
import type { Audit } from '../audit/index.ts'
import type { Bus } from '../bus/index.ts'
import { Callbacks } from './callbacks.ts'

/** How long a person has. */
export const CONFIRM_MS = 120_000
/** Tools that may wait at once, over all sessions: each of them holds a conversation in memory. */
export const MAX_WAITING = 1000

/** A call of a tool that somebody has to confirm. */
export interface Question {
  readonly sessionId: string
  /** On whose behalf the tool would run. */
  readonly owner: string
  readonly tool: string
  /** Exactly what would run. */
  readonly args: Readonly<Record<string, unknown>>
  /** Aborted when the run is stopped: nobody can answer any more. */
  readonly signal: AbortSignal
}

/** Whether it may run; otherwise why not, for the model. */
export type Decision = { readonly approved: true } | { readonly approved: false; readonly why: string }

export interface Asked {
  /** Names this one call, once. Nobody can guess it, and the model, whose own ids repeat, has no part in it. */
  readonly callId: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
  /** Never rejects; comes at `expiresAt` at the latest. */
  readonly decision: Promise<Decision>
}

interface Waiting extends Question {
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
 * Tools that wait for a person. Each question has exactly one end:
 *
 * ```
 *              ┌─ agent.confirmTool {approve: true} ──▶ approved
 *   asked ─────┼─ agent.confirmTool {approve: false} ─▶ refused
 *              ├─ 120 s ──────────────────────────────▶ refused
 *              ├─ the last who could approve left ────▶ refused
 *              └─ the run is stopped ─────────────────▶ refused
 * ```
 *
 * An answer counts once and for that call alone. Nothing is kept beyond the process: what a crash cut off is asked again.
 */
export class Confirmations {
  readonly callbacks: Callbacks
  readonly #audit: ConfirmationsOptions['audit']
  readonly #clock: Clock
  readonly #waiting = new Map<string, Waiting>()

  constructor({ bus, audit, clock }: ConfirmationsOptions) {
    this.callbacks = new Callbacks({ bus, left: (sessionId) => this.#left(sessionId) })
    this.#audit = audit
    this.#clock = clock
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Begins to wait; answers why not where nobody could confirm it. The question has to be told to those who may. */
  ask(question: Question): Asked | { readonly refused: string } {
    const { sessionId, owner, tool, signal } = question
    if (!this.#hasApprover(sessionId, owner)) {
      return { refused: `Not run: a person has to confirm ${tool}, and nobody is there who could.` }
    }
    if (this.#waiting.size >= MAX_WAITING) {
      return { refused: `Not run: a person has to confirm ${tool}, and too many calls wait for that already.` }
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
    alarm.set(CONFIRM_MS, () => end({ approved: false, why: `Not run: nobody confirmed ${tool} in ${CONFIRM_MS / 1000} s.` }))
    signal.addEventListener('abort', stopped, { once: true })
    if (signal.aborted) stopped()
    return { callId, expiresAt, decision: promise }
  }

  /**
   * What a person says to a call that waits.
   * @throws RpcError InvalidRequest when none of that id waits; AuthFailed when this connection is not told of the tools of its
   * session, or the caller is neither the one it would run for nor an operator
   */
  answer(connection: Peer, caller: Caller, { callId, approve, reason }: Answer): void {
    const waiting = this.#waiting.get(callId)
    if (waiting === undefined || waiting.expiresAt <= this.#clock.now()) {
      const message = 'names no tool that waits to be confirmed: it is unknown, was answered already, or its time is over'
      throw invalidParams([{ path: 'params.callId', message }])
    }
    const { sessionId, owner, tool, args } = waiting
    if (!this.callbacks.has(connection, sessionId)) {
      throw forbidden('This connection is not told of the tools of that session: call agent.setToolUseCallback first')
    }
    if (!mayApprove(caller, owner)) {
      throw forbidden("Only whoever asked for the run, or a credential with the scope 'operate', may confirm its tools")
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
      waiting.end({ approved: false, why: `Not run: whoever could have confirmed ${waiting.tool} has left.` })
    }
  }

  #hasApprover(sessionId: string, owner: string): boolean {
    return this.callbacks.of(sessionId).some((caller) => mayApprove(caller, owner))
  }
}

/** Whoever asked may, and whoever could run any tool directly: nobody lends rights that he does not have. */
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
