import {
  type Context,
  context,
  type Link,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace
} from '@opentelemetry/api'
import { RpcError } from '../../rpc/errors.ts'
import type { Around } from '../hooks/index.ts'
import type { ModelPart } from '../providers/define.ts'
import { spanContextOf } from './traceparent.ts'

interface ModelSubject {
  readonly provider: string
  readonly model: string
}

const NAME = 'flynn-gateway'

/**
 * Spans of requests, runs, model calls and tool calls, for the OpenTelemetry SDK of the host. Without an SDK it does nothing.
 * Attributes follow the semantic conventions for RPC and GenAI. They never hold the text of a message, an argument, a result or
 * the message of an error: an error is recorded by its name.
 */
export class Tracing {
  readonly #version: string

  constructor(version: string) {
    this.#version = version
  }

  /** Span of a method call. Its parent is the host's own span of the HTTP request, else the span that the client names. */
  readonly call: Around<'rpc.call'> = ({ method, ctx }, run) => {
    const tracer = this.#tracer()
    if (tracer === undefined) return run()
    const name = method?.name ?? 'unknown'
    // The async context of a socket is that of its handshake, which has ended.
    const parent = parentOf(ctx.connection ? ROOT_CONTEXT : context.active(), ctx.traceparent)
    const attributes = { 'rpc.system.name': 'jsonrpc', 'rpc.method': name }
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
    return within(span, parent, run)
  }

  /** Span of a platform's request. */
  readonly inbound: Around<'channel.request'> = (request, run) => {
    const tracer = this.#tracer()
    if (tracer === undefined) return run()
    const { traceparent } = request.headers
    const parent = parentOf(context.active(), typeof traceparent === 'string' ? traceparent : undefined)
    const attributes = { 'http.request.method': 'POST', 'http.route': request.route }
    const span = tracer.startSpan(`POST ${request.route}`, { kind: SpanKind.SERVER, attributes }, parent)
    return within(span, parent, run)
  }

  /** Span of a run. Its parent is the request that started it; it links to the requests that were collected into it. */
  readonly run: Around<'agent.run'> = (turn, run) => {
    const tracer = this.#tracer()
    if (tracer === undefined) return run()
    const [, ...others] = turn.messages
    const links = others.flatMap(({ payload }): Link[] => {
      const asked = payload.kind === 'message' ? payload.within?.(() => trace.getSpanContext(context.active())) : undefined
      return asked ? [{ context: asked }] : []
    })
    const attributes = {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.conversation.id': turn.laneId,
      'flynn.run.id': turn.id
    }
    return this.#inside(tracer, 'invoke_agent', { kind: SpanKind.INTERNAL, attributes, links }, async (span) => {
      const answer = await run()
      span.setAttributes(usageOf(answer.usage))
      return answer
    })
  }

  /** Span of a tool, run by the agent or by a client. */
  readonly tool: Around<'tool.run'> = ({ tool, sessionId }, run) => {
    const tracer = this.#tracer()
    if (tracer === undefined) return run()
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool,
      'gen_ai.conversation.id': sessionId
    }
    return this.#inside(tracer, `execute_tool ${tool}`, { kind: SpanKind.INTERNAL, attributes }, async (span) => {
      const result = await run()
      if (!result.success) failed(span, 'tool_error')
      return result
    })
  }

  /** Span of a model call. It ends when the last part is taken or the consumer stops. */
  readonly model: Around<'model.call'> = (of, run) => {
    const tracer = this.#tracer()
    return tracer === undefined ? run() : traced(tracer, of, run)
  }

  /** Looked up for each span: the host may set up its SDK at any moment. */
  #tracer(): Tracer | undefined {
    const provider = trace.getTracerProvider()
    // No SDK is registered: not even a no-op span has to be made.
    if (provider instanceof ProxyTracerProvider && provider.getDelegateTracer(NAME, this.#version) === undefined) return undefined
    return provider.getTracer(NAME, this.#version)
  }

  #inside<T>(tracer: Tracer, name: string, options: SpanOptions, run: (span: Span) => Promise<T>): Promise<T> {
    const parent = context.active()
    const span = tracer.startSpan(name, options, parent)
    return within(span, parent, () => run(span))
  }
}

async function* traced(tracer: Tracer, { provider, model }: ModelSubject, run: () => AsyncIterable<ModelPart>) {
  const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': provider, 'gen_ai.request.model': model }
  const parent = context.active()
  const span = tracer.startSpan(`chat ${model}`, { kind: SpanKind.CLIENT, attributes }, parent)
  const inside = trace.setSpan(parent, span)
  // The model call works while its next part is requested, in the async context of the consumer.
  const parts = context.with(inside, () => run()[Symbol.asyncIterator]())
  let over = false
  try {
    for (;;) {
      const { done, value } = await context.with(inside, () => parts.next())
      over = done === true
      if (over) return
      if (value.type === 'finish') span.setAttributes(usageOf(value.usage))
      yield value
    }
  } catch (cause) {
    over = true
    failed(span, nameOf(cause))
    throw cause
  } finally {
    if (!over) await parts.return?.()
    span.end()
  }
}

/** Runs something inside a span, and ends the span with it. */
function within<T>(span: Span, parent: Context, run: () => T): T {
  const fail = (cause: unknown): void => {
    failed(span, nameOf(cause))
    span.end()
  }
  let result: T
  try {
    result = context.with(trace.setSpan(parent, span), run)
  } catch (cause) {
    fail(cause)
    throw cause
  }
  // The caller handles the failure; here it only ends the span.
  if (result instanceof Promise) result.then(() => span.end(), fail)
  else span.end()
  return result
}

function parentOf(active: Context, traceparent: string | undefined): Context {
  const remote = trace.getSpan(active) ? undefined : spanContextOf(traceparent)
  return remote ? trace.setSpanContext(active, remote) : active
}

function usageOf({ inputTokens, outputTokens }: { readonly inputTokens: number; readonly outputTokens: number }) {
  return { 'gen_ai.usage.input_tokens': inputTokens, 'gen_ai.usage.output_tokens': outputTokens }
}

function failed(span: Span, name: string): void {
  span.setAttribute('error.type', name)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

function nameOf(cause: unknown): string {
  if (cause instanceof RpcError) return cause.kind
  return cause instanceof Error ? cause.name : '_OTHER'
}
