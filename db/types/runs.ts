export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted'

export interface RunRow {
  readonly id: string
  readonly sessionId: string
  /** Id of the caller whose message the run answers. */
  readonly principal: string
  readonly status: RunStatus
  /** Time at which its message was accepted. The message waited in the lane until `startedAt`. */
  readonly createdAt: number
  readonly startedAt: number
  readonly endedAt: number | null
  readonly inputTokens: number
  readonly outputTokens: number
  /** Provider of the model that answered; null: no model was reached. */
  readonly provider: string | null
  readonly model: string | null
  readonly errorCode: number | null
  readonly errorMessage: string | null
}

export interface RunEnd {
  readonly id: string
  readonly status: Exclude<RunStatus, 'running'>
  readonly endedAt: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly provider?: string | null
  readonly model?: string | null
  readonly errorCode?: number | null
  readonly errorMessage?: string | null
}

/** Turns of the agent: caller, outcome and cost. The queue begins and ends them together with their messages. */
export interface RunStore {
  get(id: string): Promise<RunRow | undefined>
}
