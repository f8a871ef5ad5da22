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
import type { AroundCall } from '../../rpc/define.ts'
import { RpcError } from '../../rpc/errors.ts'
import type { AroundRun } from '../agent/index.ts'
import type { AroundInbound } from '../channels/index.ts'
import type { AroundModel } from '../providers/index.ts'
import type { AroundTool } from '../tools/index.ts'
import { spanContextOf } from './traceparent.ts'

const NAME = 'flynn-gateway'

/**
 * Spans of requests, runs, model calls and tool calls, for whatever OpenTelemetry SDK the host has set up; without one nothing is done.
 * Attributes follow the semantic conventions for RPC and GenAI. No text of a message, no argument and no result is one, and no message
 * of an error: errors are told by their name.
 */
export class Tracing {
  readonly #version: string

  constructor(version: string) {
    this.#version = version
  }

  /** A method: below the host's own span of the HTTP request, else below what the client names. */
  readonly call: AroundCall = (method, ctx, run) => {
    const tracer = this.#tracer()
    if (tracer === undefined) return run()
    const name = method?.name ?? 'unknown'
    // The async context of a socket is that of its handshake, which has ended long ago.
    const parent = parentOf(ctx.connection ? ROOT_CONTEXT : context.active(), ctx.traceparent)
    const attributes = { 'rpc.system.name': 'jsonrpc', 'rpc.method': name }
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
    return within(span, parent, run)
  }

  /** A request of a platform. */
  readonly inbound: AroundInbound = (request, run) => {
    const tracer = this.#tracer()
    if (tracer === undefined) return run()
    const { traceparent } = request.headers
    const parent = parentOf(context.active(), typeof traceparent === 'string' ? traceparent : undefined)
    const attributes = { 'http.request.method': 'POST', 'http.route': request.route }
    const span = tracer.startSpan(`POST ${request.route}`, { kind: SpanKind.SERVER, attributes }, parent)
    return within(span, parent, run)
  }

  /** A run: below the request that started it, linked with those that were collected into it. */
  readonly run: AroundRun = (turn, run) => {
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

  /** A tool, whoever runs it. */
  readonly tool: AroundTool = (tool, { sessionId }, run) => {
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

  /** A model call, until its last part was taken or nobody wants more. */
  readonly model: AroundModel = (of, stream) => {
    const tracer = this.#tracer()
    return tracer === undefined ? stream() : traced(tracer, of, stream)
  }

  /** Asked each time: the host may set its SDK up at any moment. */
  #tracer(): Tracer | undefined {
    const provider = trace.getTracerProvider()
    // Nobody stands behind it: not even a span that does nothing has to be made.
    if (provider instanceof ProxyTracerProvider && provider.getDelegateTracer(NAME, this.#version) === undefined) return undefined
    return provider.getTracer(NAME, this.#version)
  }

  #inside<T>(tracer: Tracer, name: string, options: SpanOptions, run: (span: Span) => Promise<T>): Promise<T> {
    const parent = context.active()
    const span = tracer.startSpan(name, options, parent)
    return within(span, parent, () => run(span))
  }
}

async function* traced(tracer: Tracer, { provider, model }: Parameters<AroundModel>[0], stream: Parameters<AroundModel>[1]) {
  const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': provider, 'gen_ai.request.model': model }
  const parent = context.active()
  const span = tracer.startSpan(`chat ${model}`, { kind: SpanKind.CLIENT, attributes }, parent)
  const inside = trace.setSpan(parent, span)
  // What the model call does happens while its next part is asked for, and in the context of whoever asks.
  const parts = context.with(inside, () => stream()[Symbol.asyncIterator]())
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

/** Runs something inside a span, which ends with it. */
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
  // Beside whoever waits for it: what fails is still told there.
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
