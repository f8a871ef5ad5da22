import { useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client, may } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route, setQuery } from '../../app/router.ts'
import { FilterBar } from '../../ui/filter-bar.tsx'
import { JsonField, Problem } from '../../ui/form.tsx'
import { asCli, asCurl, duration, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy, Json } from '../../ui/text.tsx'

type Tool = GatewayMethods['tools.list']['result']['tools'][number]

/** Tools of the agent, and a form to run one. */
export default function Tools({ rest: [name] }: PageProps) {
  const text = route.value.query.get('q') ?? ''
  const query = useQuery('tools.list', {}, { kinds: ['config'] })
  return (
    <Loaded query={query}>
      {({ tools }) => {
        const tool = tools.find((one) => one.name === name)
        if (name !== undefined)
          return tool ? (
            <One key={tool.name} tool={tool} />
          ) : (
            <p>
              {`There is no tool ${revealed(name)} here. `}
              <a href={hashOf(['tools'])}>All tools</a>
            </p>
          )
        const rows = tools.filter((one) =>
          `${one.name} ${one.description ?? ''}`.toLowerCase().includes(text.trim().toLowerCase())
        )
        return (
          <>
            <FilterBar label="Find a tool" placeholder="file.read" value={text} onChange={(value) => setQuery('q', value)} />
            <Table<Tool>
              label="tools"
              rows={rows}
              id={(one) => one.name}
              total={tools.length}
              empty={<p>No tool has this in its name or description.</p>}
              columns={[
                { title: 'Tool', cell: (one) => <a href={hashOf(['tools', one.name])}>{revealed(one.name)}</a> },
                { title: 'Description', cell: (one) => revealed(one.description ?? '') },
                { title: 'From', cell: (one) => one.source ?? '–' },
                { title: 'Asks first', cell: (one) => (one.confirm ? 'yes' : 'no') },
                { title: 'Elevated', cell: (one) => (one.elevated ? 'only elevated sessions' : 'no') }
              ]}
            />
          </>
        )
      }}
    </Loaded>
  )
}

interface Outcome {
  readonly number: number
  readonly args: unknown
  readonly ms: number
  readonly result: unknown
  readonly good: boolean
}

/** Results that are kept while the page is open. */
const KEPT = 10

function One({ tool }: { readonly tool: Tool }) {
  const [text, setText] = useState(() => JSON.stringify(exampleOf(tool.inputSchema), null, 2))
  const [sessionId, setSessionId] = useState('web:dashboard')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([])
  const params = () => ({ sessionId, tool: tool.name, args: JSON.parse(text) as Record<string, unknown> })
  const run = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    setProblem(undefined)
    let wanted: ReturnType<typeof params>
    try {
      wanted = params()
    } catch (error) {
      setProblem(`The arguments are no JSON: ${(error as Error).message}`)
      return
    }
    setBusy(true)
    const began = performance.now()
    const done = (result: unknown, good: boolean): void => {
      const ms = performance.now() - began
      setOutcomes((all) => [{ number: (all[0]?.number ?? 0) + 1, args: wanted.args, ms, result, good }, ...all].slice(0, KEPT))
    }
    try {
      const result = await client.call('tools.execute', wanted)
      done(result, result.success)
    } catch (error) {
      done({ error: (error as Error).message }, false)
    }
    setBusy(false)
  }
  const call = (): { sessionId: string; tool: string; args: unknown } => {
    try {
      return params()
    } catch {
      return { sessionId, tool: tool.name, args: {} }
    }
  }
  return (
    <>
      <p>
        <a href={hashOf(['tools'])}>All tools</a>
      </p>
      <section class="card" aria-label={tool.name}>
        <h2>{revealed(tool.name)}</h2>
        <p>{revealed(tool.description ?? '')}</p>
        <details>
          <summary>Schema of the arguments</summary>
          <Json value={tool.inputSchema} label="Schema of the arguments" />
        </details>
        {may('operate') ? (
          <form class="card" onSubmit={(event) => void run(event)}>
            <label>
              Session, whose workspace and memory it uses
              <input value={sessionId} onInput={(event) => setSessionId(event.currentTarget.value)} required />
            </label>
            <JsonField label="Arguments as JSON" value={text} onChange={setText} />
            <Problem text={problem} />
            <p class="bar">
              <button type="submit" class="primary" disabled={busy}>
                Run
              </button>
              <Copy text={() => asCli('tools.execute', call())}>Copy as CLI</Copy>
              <Copy text={() => asCurl(base, 'tools.execute', call())}>Copy as curl</Copy>
            </p>
          </form>
        ) : (
          <p class="muted">This credential may not run tools: it has no scope operate.</p>
        )}
      </section>
      <div aria-live="polite">
        {outcomes.map(({ number, args, ms, result, good }) => (
          <section key={number} class={good ? 'card' : 'card failure'} aria-label={`Run ${number}`}>
            <div class="bar">
              <h2>{`Run ${number}: ${good ? 'ok' : 'failed'} after ${duration(ms)}`}</h2>
              <button type="button" onClick={() => setText(JSON.stringify(args, null, 2))}>
                Use these arguments
              </button>
            </div>
            <Json value={result} label={`Result of run ${number}`} />
          </section>
        ))}
      </div>
    </>
  )
}

/** Arguments to begin with: each required property with an empty value of its type. */
function exampleOf(schema: unknown): Record<string, unknown> {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, { type?: unknown; default?: unknown }>
    required?: string[]
  }
  const empty: Readonly<Record<string, unknown>> = { string: '', number: 0, integer: 0, boolean: false, array: [], object: {} }
  return Object.fromEntries(
    required.map((name) => [name, properties[name]?.default ?? empty[String(properties[name]?.type)] ?? null])
  )
}
