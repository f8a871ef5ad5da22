import type { Clock } from './clock.ts'
import type { Request } from './connection.ts'
import type { EventFrame } from './frames.ts'
import type { GatewayMethods } from './methods.ts'
import type { Run, SendOptions } from './run.ts'

type SendParams = GatewayMethods['agent.send']['params']

/** A message as it is kept in a store, from before it is sent until it has an outcome. */
export interface SentMessage {
  readonly key: string
  readonly sessionId: string
  readonly params: Pick<SendParams, 'message' | 'attachments' | 'attachmentIds' | 'queueMode'>
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** Progress of a message, as stored: small, and written often. */
export interface Progress {
  /** First time it was written to a socket, epoch milliseconds. */
  sentAt?: number
  messageId?: string
  mode?: string
  cursors?: [string, number][]
  /** Characters of the answer that were seen. */
  characters?: number
}

/** Client of a run, as far as it is needed. */
export interface RunHost {
  readonly clock: Clock
  readonly connected: boolean
  send(method: string, params: object, request: Request): number
  forget(id: number): void
  call<M extends 'queue.cancel' | 'agent.cancel'>(
    method: M,
    params: GatewayMethods[M]['params']
  ): Promise<GatewayMethods[M]['result']>
  /** Hears every frame of the run. */
  overheard(frame: EventFrame, size: number): void
  runChanged(run: Run): void
  /** The message itself changed, or is new. */
  messageChanged(message: SentMessage): void
  runSettled(run: Run): void
  sendMessage(sessionId: string, message: string, options: SendOptions): Run
}
