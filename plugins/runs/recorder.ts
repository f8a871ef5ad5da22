import type { RunEnd, RunStep, RunSteps } from '../../db/client.ts'
import type { Masker } from '../../security/masking/masker.ts'
import type { ModelCalls } from '../providers/index.ts'

/** Steps that are kept of one run. Beyond it they are counted. */
export const MAX_STEPS = 500
/** Characters that are searched for secrets and kept of an argument, an output or an error. The end of a longer one is dropped. */
const MAX_TEXT = 2560
/** Characters of all of them together. Further steps are kept without. */
export const MAX_TEXTS = 128 * 1024

type Pending = Pick<RunStep, 'kind' | 'name' | 'provider' | 'callId' | 'startedAt' | 'args'>

export interface RecorderOptions {
  readonly masker: () => Masker
  readonly now: () => number
  /** Called at the end of the run. */
  readonly ended: () => void
}

/** Records the steps of one run in memory: its model calls and tool calls, one after the other. Secrets are masked. */
export class RunRecorder implements ModelCalls {
  readonly #options: RecorderOptions
  readonly #list: RunStep[] = []
  #omitted = 0
  #characters = 0
  /** The step under way. */
  #pending: Pending | undefined
  /** The model asked last: it answered, or it failed. */
  #model: { readonly provider: string; readonly model: string } | undefined
  #inputTokens = 0
  #outputTokens = 0

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  asked(model: { readonly provider: string; readonly model: string }): void {
    this.#model = model
    this.#begin({ kind: 'model', name: model.model, provider: model.provider })
  }

  answered({ reason, usage }: Parameters<ModelCalls['answered']>[0]): void {
    this.#inputTokens += usage.inputTokens
    this.#outputTokens += usage.outputTokens
    this.#finish({ status: 'completed', reason, ...usage })
  }

  failed(message: string): void {
    this.#finish({ status: 'failed', error: this.#text(message) })
  }

  toolStarted({ tool, args, callId }: { tool: string; args: Record<string, unknown>; callId: string }): void {
    this.#begin({ kind: 'tool', name: this.#text(tool), callId, args: this.#text(JSON.stringify(args)) })
  }

  toolEnded({ success, output, error }: { success: boolean; output: string; error: string | null }): void {
    this.#finish({
      status: success ? 'completed' : 'failed',
      ...(output !== '' && { output: this.#text(output) }),
      ...(error !== null && { error: this.#text(error) })
    })
  }

  /** Steps so far, the one under way as its last. */
  get steps(): { readonly done: RunSteps; readonly pending: Pending | undefined } {
    return { done: { list: [...this.#list], omitted: this.#omitted }, pending: this.#pending }
  }

  /** The run has stopped, or was abandoned. */
  close(): void {
    this.#options.ended()
  }

  /** Everything to store at the end of the run. A step under way was cut off. */
  end(): Required<Pick<RunEnd, 'inputTokens' | 'outputTokens' | 'steps'>> & Pick<RunEnd, 'provider' | 'model'> {
    this.#finish({ status: 'cancelled' })
    this.close()
    const steps = { list: this.#list, omitted: this.#omitted }
    return { ...this.#model, inputTokens: this.#inputTokens, outputTokens: this.#outputTokens, steps }
  }

  #begin(step: Omit<Pending, 'startedAt'>): void {
    this.#finish({ status: 'cancelled' })
    this.#pending = { ...step, startedAt: this.#options.now() }
  }

  #finish(end: Omit<RunStep, keyof Pending | 'endedAt'>): void {
    if (this.#pending === undefined) return
    if (this.#list.length < MAX_STEPS) this.#list.push({ ...this.#pending, ...end, endedAt: this.#options.now() })
    else this.#omitted++
    this.#pending = undefined
  }

  #text(text: string): string {
    if (this.#list.length === MAX_STEPS || this.#characters >= MAX_TEXTS) return ''
    const shown = this.#options.masker().mask(text, MAX_TEXT).text
    this.#characters += shown.length
    return shown
  }
}
