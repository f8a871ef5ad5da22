import { useState } from 'preact/hooks'
import { base, client } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route, setQuery } from '../../app/router.ts'
import { FilterBar } from '../../ui/filter-bar.tsx'
import { JsonField, Problem } from '../../ui/form.tsx'
import { asCli, asCurl, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy, Json } from '../../ui/text.tsx'

/** The part of an OpenRPC method that this page shows. */
interface Method {
  readonly name: string
  readonly summary?: string
  readonly params: readonly { readonly name: string; readonly schema: unknown }[]
  readonly examples?: readonly { readonly params: readonly { readonly name: string; readonly value: unknown }[] }[]
}

/** A frame as this page saw it. */
interface Frame {
  readonly ms: number
  readonly out: boolean
  readonly value: unknown
}

/** Frames that are kept while the page is open. */
const KEPT = 500

/** Every method of the gateway, and a form to call one. */
export default function Rpc({ rest: [name] }: PageProps) {
  const query = useQuery('rpc.discover', {})
  const text = route.value.query.get('q') ?? ''
  return (
    <Loaded query={query}>
      {(document) => {
        const { methods } = document as unknown as { methods: readonly Method[] }
        const method = methods.find((one) => one.name === name)
        if (method) return <Call key={method.name} method={method} />
        const rows = methods.filter((one) => `${one.name} ${one.summary ?? ''}`.toLowerCase().includes(text.trim().toLowerCase()))
        return (
          <>
            <FilterBar label="Find a method" placeholder="sessions." value={text} onChange={(value) => setQuery('q', value)} />
            <Table
              label="methods"
              rows={rows}
              id={(one) => one.name}
              total={methods.length}
              empty={<p>No method has this in its name or summary.</p>}
              columns={[
                { title: 'Method', cell: (one) => <a href={hashOf(['rpc', one.name])}>{one.name}</a> },
                { title: 'Purpose', cell: (one) => one.summary ?? '' }
              ]}
            />
          </>
        )
      }}
    </Loaded>
  )
}

function Call({ method: { name, summary, params, examples } }: { readonly method: Method }) {
  const example = Object.fromEntries((examples?.[0]?.params ?? []).map((one) => [one.name, one.value]))
  const [text, setText] = useState(() => JSON.stringify(example, null, 2))
  const [frames, setFrames] = useState<readonly Frame[]>([])
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)
  const parsed = (): Record<string, unknown> => JSON.parse(text.trim() || '{}')
  const written = (): unknown => {
    try {
      return parsed()
    } catch {
      return {}
    }
  }
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    setProblem(undefined)
    let wanted: Record<string, unknown>
    try {
      wanted = parsed()
    } catch (error) {
      setProblem(`The params are no JSON: ${(error as Error).message}`)
      return
    }
    const began = performance.now()
    const add = (value: unknown, out = false): void => {
      const ms = Math.round(performance.now() - began)
      setFrames((all) => [...all, { ms, out, value }].slice(-KEPT))
    }
    setFrames([])
    add({ method: name, params: wanted }, true)
    setBusy(true)
    const call = client.call.bind(client) as unknown as (method: string, params: unknown, options: object) => Promise<unknown>
    try {
      add({ result: await call(name, wanted, { onEvent: (heard: unknown) => add(heard) }) })
    } catch (error) {
      const { message, code, data } = error as { message: string; code?: number; data?: unknown }
      add({ error: { code, message, data } })
    }
    setBusy(false)
  }
  return (
    <>
      <p>
        <a href={hashOf(['rpc'])}>All methods</a>
      </p>
      <section class="card" aria-label={name}>
        <h2>{name}</h2>
        <p>{summary}</p>
        <details>
          <summary>
            {params.length === 0 ? 'It takes no params' : `Schema of ${params.map((one) => one.name).join(', ')}`}
          </summary>
          <Json value={Object.fromEntries(params.map((one) => [one.name, one.schema]))} label="Schema of the params" />
        </details>
        <form class="card" onSubmit={(event) => void send(event)}>
          <JsonField label="Params as JSON" value={text} onChange={setText} />
          <Problem text={problem} />
          <p class="bar">
            <button type="submit" class="primary" disabled={busy}>
              Send
            </button>
            <Copy text={() => asCli(name, written())}>Copy as CLI</Copy>
            <Copy text={() => asCurl(base, name, written())}>Copy as curl</Copy>
            <Copy text={() => `await gateway.call('${name}', ${JSON.stringify(written())})`}>Copy as code</Copy>
          </p>
        </form>
      </section>
      {frames.length > 0 && (
        <section class="card" aria-label="Frames">
          <h2>Frames</h2>
          <ol class="frames">
            {frames.map(({ ms, out, value }, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a frame is its place in the order
              <li key={at}>
                <span class="muted">{out ? 'sent' : `received after ${ms} ms`}</span>
                <Json value={value} label={`Frame ${at + 1}`} />
              </li>
            ))}
          </ol>
          <p class="muted">{revealed(`${frames.length} frames; the last ${KEPT} are kept while this page is open`)}</p>
        </section>
      )}
    </>
  )
}
