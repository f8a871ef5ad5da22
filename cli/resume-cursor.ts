/** Runs that are remembered: what comes again is about the newest. */
const MAX_RUNS = 1000

interface Event {
  readonly event?: string
  readonly runId?: string
  readonly seq?: number
}

/** How far each run was seen, so that after a break nothing is told twice. */
export class ResumeCursor {
  readonly #runs = new Map<string, { readonly seq: number; readonly ended: boolean }>()

  /** Whether this is new. What has no place in a run always is. */
  take({ event, runId, seq }: Event): boolean {
    if (runId === undefined || seq === undefined) return true
    if (seq <= this.after(runId)) return false
    this.#runs.delete(runId)
    this.#runs.set(runId, { seq, ended: event === 'done' || event === 'error' })
    if (this.#runs.size > MAX_RUNS) this.#runs.delete(this.#runs.keys().next().value!)
    return true
  }

  /** The newest event of a run that was seen, 0 when there was none. */
  after(runId: string): number {
    return this.#runs.get(runId)?.seq ?? 0
  }

  /** The runs whose end was not seen. */
  open(): string[] {
    return [...this.#runs].filter(([, { ended }]) => !ended).map(([runId]) => runId)
  }
}
