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
  /** Reason of a cancel or an interruption, in words. */
  readonly reason: string | null
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
  readonly reason?: string | null
}

/** One model call or tool call of a run. */
export interface RunStepRow {
  readonly runId: string
  /** Number of the step in its run, from 1. */
  readonly position: number
  readonly kind: 'model' | 'tool'
  /** Name of the model or the tool. */
  readonly name: string
  /** Provider of the model; null for a tool. */
  readonly provider: string | null
  /** Id of the tool call; null for a model. */
  readonly callId: string | null
  readonly status: 'completed' | 'failed' | 'cancelled'
  readonly startedAt: number
  readonly endedAt: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Finish reason of the model, or reason of a refusal or a cancel. */
  readonly reason: string | null
  readonly error: string | null
}

export type NewRunStep = Pick<RunStepRow, 'runId' | 'position' | 'kind' | 'name' | 'status' | 'startedAt' | 'endedAt'> &
  Partial<RunStepRow>

export interface RunQuery {
  readonly sessionId?: string | undefined
  readonly status?: RunStatus | undefined
  readonly limit: number
  /** Last run of the previous page: only older ones. */
  readonly before?: Pick<RunRow, 'createdAt' | 'id'> | undefined
}

/** History of the turns of the agent: caller, outcome and cost. The queue begins and ends them together with their messages. */
export interface RunStore {
  get(id: string): Promise<RunRow | undefined>
  /** Runs, newest first. */
  list(query: RunQuery): Promise<RunRow[]>
  /** Records steps of existing runs. A step that is recorded already stays as it is; those of a deleted run are left out. */
  addSteps(steps: readonly NewRunStep[]): Promise<void>
  /** Steps of a run, in order: up to 1000. */
  steps(runId: string): Promise<RunStepRow[]>
  /** Deletes some runs that ended before `before`, with their steps. Returns their number; 0: none is left. */
  purge(before: number): Promise<number>
}
