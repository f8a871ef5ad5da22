import { useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client, may } from '../../app/gateway.ts'
import { hashOf } from '../../app/route.ts'
import { route } from '../../app/router.ts'
import { asCli, asCode, asCurl, duration, revealed } from '../../ui/format.ts'
import { SchemaForm, useSchemaForm } from '../../ui/schema-form.tsx'
import { Copy, Json } from '../../ui/text.tsx'
import { argsOf } from './link.ts'

export type Tool = GatewayMethods['tools.list']['result']['tools'][number]

interface Outcome {
  readonly number: number
  readonly args: object
  readonly at: number
  readonly ms: number
  readonly result: unknown
  readonly good: boolean
}

/** Results that are kept while the page is open. */
const KEPT = 10

/** One tool: what it takes, a form that runs it, and the results so far. */
export function ToolView({ tool }: { readonly tool: Tool }) {
  const [sessionId, setSessionId] = useState(route.value.query.get('session') ?? 'web:dashboard')
  const [busy, setBusy] = useState(false)
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([])
  const form = useSchemaForm(tool.inputSchema, { value: argsOf(route.value.query.get('args')) })
  const run = async (args: Record<string, unknown> | undefined): Promise<void> => {
    if (!args) return
    setBusy(true)
    const at = Date.now()
    const began = performance.now()
    const done = (result: unknown, good: boolean): void => {
      const ms = performance.now() - began
      setOutcomes((all) => [{ number: (all[0]?.number ?? 0) + 1, args, at, ms, result, good }, ...all].slice(0, KEPT))
    }
    try {
      const result = await client.call('tools.execute', { sessionId, tool: tool.name, args })
      done(result, result.success)
    } catch (error) {
      form.refuse(error, 'params.args')
      done({ error: (error as Error).message }, false)
    }
    setBusy(false)
  }
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    void run(form.submit())
  }
  const call = (args: object = form.peek()) => ({ sessionId, tool: tool.name, args })
  return (
    <>
      <p>
        <a href={hashOf(['tools'])}>All tools</a>
      </p>
      <section class="card" aria-label={tool.name}>
        <h2>{revealed(tool.name)}</h2>
        <p>{revealed(tool.description ?? '')}</p>
        <Effect tool={tool} />
        <details>
          <summary>Schema of the arguments</summary>
          <Json value={tool.inputSchema} label="Schema of the arguments" />
        </details>
        {may('operate') ? (
          <form class="form" onSubmit={submit} noValidate>
            <label>
              Session, whose workspace and memory it uses
              <input value={sessionId} onInput={(event) => setSessionId(event.currentTarget.value)} required />
            </label>
            <SchemaForm form={form} label="Arguments" />
            <p class="bar">
              <button type="submit" class="primary" disabled={busy}>
                {busy ? 'Running …' : 'Run'}
              </button>
              <CopyCall call={call} />
            </p>
          </form>
        ) : (
          <p class="muted">This credential may not run tools: it has no scope operate.</p>
        )}
      </section>
      <div class="form" aria-live="polite">
        {outcomes.map(({ number, args, at, ms, result, good }) => (
          <section key={number} class={good ? 'card' : 'card failure'} aria-label={`Run ${number}`}>
            <h2>{`Run ${number}: ${good ? 'ok' : 'failed'} after ${duration(ms)}`}</h2>
            <p class="muted">{`${new Date(at).toLocaleTimeString()} · ${revealed(JSON.stringify(args)).slice(0, 200)}`}</p>
            <Json value={result} label={`Result of run ${number}`} />
            <p class="bar">
              <button type="button" disabled={busy} onClick={() => void run(args as Record<string, unknown>)}>
                Run again
              </button>
              <button type="button" onClick={() => form.fill(args)}>
                Use these arguments
              </button>
              <CopyCall call={() => call(args)} />
            </p>
          </section>
        ))}
        {outcomes.length > 0 && (
          <p class="muted">{`${outcomes.length} results; the last ${KEPT} are kept while this page is open`}</p>
        )}
      </div>
    </>
  )
}

function CopyCall({ call }: { readonly call: () => object }) {
  return (
    <>
      <Copy text={() => asCli('tools.execute', call())}>Copy as CLI</Copy>
      <Copy text={() => asCurl(base, 'tools.execute', call())}>Copy as curl</Copy>
      <Copy text={() => asCode(base, 'tools.execute', call())}>Copy as code</Copy>
    </>
  )
}

/** The effect of a run, in words. */
function Effect({ tool: { confirm, elevated, source } }: { readonly tool: Tool }) {
  return (
    <p class="muted">
      {source === undefined ? 'A tool of the gateway. ' : `From ${revealed(source)}. `}
      {confirm
        ? 'The agent asks a person before each call. A run from here starts at once: pressing Run is the answer. '
        : 'The agent may call it without asking. '}
      {elevated && 'It runs in elevated sessions only. '}
    </p>
  )
}
