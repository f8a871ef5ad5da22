import type { TestContext } from 'node:test'
import { SpanStatusCode } from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'

/** A trace id and a span id of a client. */
export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
export const PARENT = '00f067aa0ba902b7'
export const TRACEPARENT = `00-${TRACE}-${PARENT}-01`

/** What a host does that wants traces, but for the exporter: this one keeps the spans. For all tests of a process. */
export class Spans {
  readonly #exporter = new InMemorySpanExporter()
  readonly #ended: { readonly fits: (span: ReadableSpan) => boolean; readonly resolve: (span: ReadableSpan) => void }[] = []

  /** From now on the process has an SDK. */
  constructor() {
    const exporting = new SimpleSpanProcessor(this.#exporter)
    const provider = new NodeTracerProvider({
      spanProcessors: [
        exporting,
        {
          onStart() {},
          onEnd: (span) => {
            for (const { fits, resolve } of this.#ended) if (fits(span)) resolve(span)
          },
          forceFlush: async () => {},
          shutdown: async () => {}
        }
      ]
    })
    provider.register()
  }

  /** Those of this test alone. */
  begin(t: TestContext): void {
    this.#exporter.reset()
    t.after(() => this.#ended.splice(0))
  }

  all(): ReadableSpan[] {
    return this.#exporter.getFinishedSpans()
  }

  named(name: string): ReadableSpan[] {
    return this.all().filter((span) => span.name === name)
  }

  /** The first span that fits, among those that have ended and those to come. */
  async ended(fits: (span: ReadableSpan) => boolean): Promise<ReadableSpan> {
    const { promise, resolve } = Promise.withResolvers<ReadableSpan>()
    this.#ended.push({ fits, resolve })
    return this.all().find(fits) ?? (await promise)
  }
}

export const idOf = (span: ReadableSpan): string => span.spanContext().spanId
export const traceOf = (span: ReadableSpan): string => span.spanContext().traceId
export const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId
export const failedWith = ({ status, attributes }: ReadableSpan): unknown =>
  status.code === SpanStatusCode.ERROR ? attributes['error.type'] : undefined
