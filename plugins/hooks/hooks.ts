import type { FastifyBaseLogger } from 'fastify'

/** One entry of `Operations`: the subject that observers see, and the result of the work, which is a promise where the work is asynchronous. */
export interface Operation<Subject, Result> {
  readonly subject: Subject
  readonly result: Result
}

/** Work that observers can wrap, by name. A concern declares its own here: `declare module '../hooks/hooks.ts'`. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the concerns
export interface Operations {}

/** Events that observers can listen to, by name, with the type of their detail. A concern declares its own here. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by the concerns
export interface HookEvents {}

type SubjectOf<N extends keyof Operations> = Operations[N] extends Operation<infer Subject, unknown> ? Subject : never
type ResultOf<N extends keyof Operations> = Operations[N] extends Operation<infer _Subject, infer Result> ? Result : never

/**
 * Wraps one operation, to measure it or to give it an async context. It calls `run` once, at once, and returns the result of `run`;
 * an asynchronous iterable it may also pass on part by part. What it throws fails the operation.
 */
export type Around<N extends keyof Operations> = (subject: SubjectOf<N>, run: () => ResultOf<N>) => ResultOf<N>

export type Listener<N extends keyof HookEvents> = (detail: HookEvents[N]) => void

// biome-ignore lint/suspicious/noExplicitAny: the maps hold observers of every name
type AnyObserver = (...args: any[]) => any

/** The one way to observe a gateway. Metrics, tracing, audit and plugins of third parties subscribe here alike. */
export class Hooks {
  readonly #around = new Map<string, AnyObserver>()
  readonly #listeners = new Map<string, AnyObserver[]>()
  readonly #log: Pick<FastifyBaseLogger, 'error'>

  constructor(log: Pick<FastifyBaseLogger, 'error'>) {
    this.#log = log
  }

  /** Wraps every run of an operation from now on. The wrapper that was added last is the outermost. */
  around<N extends keyof Operations & string>(name: N, outer: Around<N>): void {
    const inner: AnyObserver | undefined = this.#around.get(name)
    this.#around.set(name, inner === undefined ? outer : (subject, run) => outer(subject, () => inner(subject, run)))
  }

  /** Calls `listener` for every event of this name from now on. An error of one listener is logged and reaches nothing else. */
  on<N extends keyof HookEvents & string>(name: N, listener: Listener<N>): void {
    const listeners = this.#listeners.get(name)
    if (listeners) listeners.push(listener)
    else this.#listeners.set(name, [listener])
  }

  /** Runs an operation inside its wrappers. Called by the concern that owns it. */
  run<N extends keyof Operations & string>(name: N, subject: SubjectOf<N>, run: () => ResultOf<N>): ResultOf<N> {
    const around = this.#around.get(name)
    return around === undefined ? run() : around(subject, run)
  }

  /** Tells the listeners of an event, in the order in which they subscribed. Called by the concern that owns it. */
  emit<N extends keyof HookEvents & string>(name: N, detail: HookEvents[N]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        listener(detail)
      } catch (err) {
        this.#log.error({ err, hook: name }, 'a listener of a hook failed')
      }
    }
  }
}
