import type { Static } from '@sinclair/typebox'
import type { Db, RunQuery, RunRow } from '../../db/client.ts'
import { RpcError } from '../../rpc/errors.ts'
import { runSummaryOf } from '../../rpc/schemas/run.ts'
import type { Masker } from '../../security/masking/masker.ts'
import { RunRecorder } from './recorder.ts'
import type { RunDetails, RunSummary } from './schema.ts'

type Step = Static<typeof RunDetails>['steps'][number]

export interface RunsOptions {
  readonly store: Pick<Db['runs'], 'get' | 'list' | 'steps'>
  readonly masker: () => Masker
  readonly now?: () => number
}

/** History of runs, those under way included. */
export class Runs {
  readonly #options: RunsOptions
  /** Recorders of the runs under way, by run id. */
  readonly #recorders = new Map<string, RunRecorder>()

  constructor(options: RunsOptions) {
    this.#options = options
  }

  /** Recorder of a run that begins. It belongs to the run until its `end`. */
  begin(runId: string): RunRecorder {
    const { masker, now = Date.now } = this.#options
    const recorder = new RunRecorder({ masker, now, ended: () => this.#recorders.delete(runId) })
    this.#recorders.set(runId, recorder)
    return recorder
  }

  /** Runs, newest first. */
  async list(query: RunQuery): Promise<{ runs: Static<typeof RunSummary>[]; total: number; last: RunRow | undefined }> {
    const { rows, total } = await this.#options.store.list(query)
    return { runs: rows.map(runSummaryOf), total, last: rows.length < query.limit ? undefined : rows.at(-1) }
  }

  /**
   * A run with its steps.
   * @throws RpcError InvalidRequest for an unknown run
   */
  async get(runId: string): Promise<Static<typeof RunDetails>> {
    const { store } = this.#options
    const recorder = this.#recorders.get(runId)
    const row = await store.get(runId)
    if (row === undefined)
      throw new RpcError('InvalidRequest', 'Unknown run: it never began, or was deleted after retention.runs_days')
    const { done, pending } = recorder?.steps ?? { done: await store.steps(runId), pending: undefined }
    const steps: Step[] = [
      { kind: 'accepted', startedAt: row.createdAt, endedAt: row.createdAt },
      { kind: 'started', startedAt: row.startedAt, endedAt: row.startedAt },
      ...done.list
    ]
    if (pending) steps.push({ ...pending, status: 'running', endedAt: null })
    if (row.endedAt !== null) steps.push({ kind: 'ended', startedAt: row.endedAt, endedAt: row.endedAt })
    return { ...runSummaryOf(row), steps, omittedSteps: done.omitted }
  }
}
