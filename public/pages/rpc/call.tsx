import { useRef, useState } from 'preact/hooks'
import { watchFrames } from '../../app/frames.ts'
import { base, client, may, type Scope } from '../../app/gateway.ts'
import { hashOf } from '../../app/route.ts'
import { asCli, asCode, asCurl } from '../../ui/format.ts'
import { SchemaForm, useSchemaForm } from '../../ui/schema-form.tsx'
import { Copy, Json } from '../../ui/text.tsx'
import { envelopeOf, FrameLog } from './frame-log.ts'
import { Frames } from './frames.tsx'

/** The part of an OpenRPC method that this page shows. */
export interface Method {
  readonly name: string
  readonly summary?: string
  readonly params: readonly { readonly name: string; readonly required?: boolean; readonly schema: unknown }[]
  readonly examples?: readonly { readonly params: readonly { readonly name: string; readonly value: unknown }[] }[]
  readonly 'x-scope': Scope | 'any'
}

interface CallProps {
  readonly method: Method
  /** OpenRPC document that the schemas point into. */
  readonly document: unknown
}

/** A form that calls a method, and the frames of the call. */
export function Call({ method: { name, summary, params, examples, 'x-scope': scope }, document }: CallProps) {
  const schema = {
    type: 'object',
    additionalProperties: false,
    required: params.filter(({ required }) => required).map((one) => one.name),
    properties: Object.fromEntries(params.map((one) => [one.name, one.schema]))
  }
  const form = useSchemaForm(schema, { root: document })
  const example = examples?.[0]?.params ?? []
  const log = useRef(new FrameLog()).current
  const [, drawn] = useState(0)
  const [busy, setBusy] = useState(false)
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const wanted = form.submit()
    if (!wanted) return
    log.clear()
    setBusy(true)
    let id: number | null | undefined
    const end = watchFrames((frame) => {
      const envelope = envelopeOf(frame.text)
      if (!envelope) return
      // Its request is the next one with this name: nothing else is sent in between.
      if (id === undefined && frame.out && envelope.method === name) id = envelope.id
      if (id === undefined || envelope.id !== id) return
      log.add(frame, envelope)
      drawn(log.total)
    })
    const call = client.call.bind(client) as unknown as (method: string, params: unknown) => Promise<unknown>
    await call(name, wanted).catch((error: unknown) => form.refuse(error, 'params'))
    end()
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
          <Json value={schema.properties} label="Schema of the params" />
        </details>
        {scope === 'any' || may(scope) ? (
          <form class="form" onSubmit={(event) => void send(event)} noValidate>
            <SchemaForm form={form} label="Params" />
            <p class="bar">
              <button type="submit" class="primary" disabled={busy}>
                {busy ? 'Sent …' : 'Send'}
              </button>
              {example.length > 0 && (
                <button type="button" onClick={() => form.fill(Object.fromEntries(example.map((one) => [one.name, one.value])))}>
                  Use the example
                </button>
              )}
              <Copy text={() => asCli(name, form.peek())}>Copy as CLI</Copy>
              <Copy text={() => asCurl(base, name, form.peek())}>Copy as curl</Copy>
              <Copy text={() => asCode(base, name, form.peek())}>Copy as code</Copy>
            </p>
          </form>
        ) : (
          <p class="muted">{`This credential may not call it: it has no scope ${scope}.`}</p>
        )}
      </section>
      {log.frames.length > 0 && (
        <section class="card" aria-label="Frames">
          <h2>Frames</h2>
          <Frames frames={log.frames} total={log.total} />
        </section>
      )}
    </>
  )
}
