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
  readonly steps?: RunSteps | null
}

/** One model call or tool call of a run. */
export interface RunStep {
  readonly kind: 'model' | 'tool'
  /** Name of the model or the tool. */
  readonly name: string
  /** Provider of a model. */
  readonly provider?: string
  /** Id of a tool call. */
  readonly callId?: string
  readonly status: 'completed' | 'failed' | 'cancelled'
  readonly startedAt: number
  readonly endedAt: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** Finish reason of the model. */
  readonly reason?: string
  readonly error?: string
  /** Beginning of the arguments of a tool call, as JSON. */
  readonly args?: string
  /** Beginning of the output of a tool. */
  readonly output?: string
}

/** Steps of a run, in order. `omitted`: number of further ones that are not kept. */
export interface RunSteps {
  readonly list: readonly RunStep[]
  readonly omitted: number
}

export interface RunFilter {
  readonly sessionId?: string | undefined
  readonly frontend?: string | undefined
  readonly status?: RunStatus | undefined
  /** Only runs whose message was accepted at this time or later. */
  readonly since?: number | undefined
  /** Only runs whose message was accepted before this time. */
  readonly until?: number | undefined
}

export interface RunQuery extends RunFilter {
  readonly limit: number
  /** Last run of the previous page: only older ones. */
  readonly before?: Pick<RunRow, 'createdAt' | 'id'> | undefined
}

/** History of the turns of the agent: caller, outcome, cost and steps. The queue begins and ends them together with their messages. */
export interface RunStore {
  get(id: string): Promise<RunRow | undefined>
  /** Runs with one of these ids, in any order. */
  some(ids: readonly string[]): Promise<RunRow[]>
  /** Runs by the time of their message, newest first. `total` counts before paging, up to 10,000. */
  list(query: RunQuery): Promise<{ rows: RunRow[]; total: number }>
  /** Steps of a run that has ended. None of one that was interrupted. */
  steps(id: string): Promise<RunSteps>
  /** Deletes some runs that ended before `before`. Returns their number; 0: none is left. */
  purge(before: number): Promise<number>
}
