import { useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client } from '../../app/gateway.ts'
import { useAction } from '../../app/query.ts'
import { Chip } from '../../ui/chip.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { asCli, asCurl } from '../../ui/format.ts'
import { type Field, fieldsOf, valuesOf } from '../../ui/schema-form.ts'
import { Copy, Json } from '../../ui/text.tsx'

/** A button that uses a capability: it asks for the arguments, and shows the answer. */
export function Invoke({
  nodeId,
  capability,
  schema
}: {
  readonly nodeId: string
  readonly capability: string
  readonly schema: unknown
}) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" aria-label={`Use ${capability} of ${nodeId}`} onClick={() => setOpen(true)}>
        Use …
      </button>
      {open && (
        <Dialog title={`Use ${capability} of ${nodeId}`} onClose={() => setOpen(false)}>
          <Arguments nodeId={nodeId} capability={capability} schema={schema} onClose={() => setOpen(false)} />
        </Dialog>
      )}
    </>
  )
}

interface ArgumentsProps {
  readonly nodeId: string
  readonly capability: string
  readonly schema: unknown
  readonly onClose: () => void
}

function Arguments({ nodeId, capability, schema, onClose }: ArgumentsProps) {
  const fields = fieldsOf(schema)
  const [json, setJson] = useState(fields === undefined)
  const [values, setValues] = useState<Readonly<Record<string, string>>>({})
  const [text, setText] = useState('{}')
  const [result, setResult] = useState<GatewayMethods['node.invoke']['result']>()
  const args = (): Record<string, unknown> =>
    json || !fields ? (JSON.parse(text) as Record<string, unknown>) : valuesOf(fields, (name) => values[name] ?? '')
  const { run, busy, error } = useAction(async () => {
    setResult(undefined)
    setResult(await client.call('node.invoke', { nodeId, capability, args: args() }))
  })
  const params = (): object => {
    try {
      return { nodeId, capability, args: args() }
    } catch {
      return { nodeId, capability, args: {} }
    }
  }
  const submit = (event: Event): void => {
    event.preventDefault()
    void run()
  }
  return (
    <form class="form" onSubmit={submit}>
      {fields && (
        <label class="check">
          <input
            type="checkbox"
            checked={json}
            onChange={({ currentTarget }) => {
              // What was filled in so far goes along.
              if (currentTarget.checked) setText(JSON.stringify((params() as { args: object }).args, null, 2))
              setJson(currentTarget.checked)
            }}
          />{' '}
          Arguments as JSON
        </label>
      )}
      {json || !fields ? (
        <label>
          Arguments
          <textarea rows={6} value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
      ) : (
        fields.map((field) => (
          <FieldInput
            key={field.name}
            field={field}
            value={values[field.name] ?? ''}
            onChange={(value) => setValues({ ...values, [field.name]: value })}
          />
        ))
      )}
      {error && (
        <p class="bad" role="alert">
          {error.message}
        </p>
      )}
      {result && (
        <div role="status">
          <Chip tone={result.ok ? 'good' : 'bad'}>{result.ok ? 'done' : (result.error ?? 'failed')}</Chip>
          {result.output !== undefined && <Json value={result.output} label="Answer" />}
        </div>
      )}
      <p class="actions">
        <Copy text={() => asCli('node.invoke', params())}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'node.invoke', params())}>Copy as curl</Copy>
        <button type="button" onClick={onClose}>
          Close
        </button>
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Waiting for the node …' : 'Use'}
        </button>
      </p>
    </form>
  )
}

function FieldInput({
  field: { name, kind, required, hint, choices },
  value,
  onChange
}: {
  readonly field: Field
  readonly value: string
  readonly onChange: (value: string) => void
}) {
  const shared = {
    value,
    required,
    onInput: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value)
  }
  const options = kind === 'boolean' ? ['true', 'false'] : choices
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: each branch has its control
    <label>
      {`${name}${required ? '' : ' (optional)'}${kind === 'json' ? ', as JSON' : ''}`}
      {hint && <span class="muted">{` ${hint}`}</span>}
      {options.length > 0 ? (
        <select {...shared}>
          <option value="">–</option>
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      ) : kind === 'json' ? (
        <textarea rows={3} {...shared} />
      ) : kind === 'text' ? (
        <input type="text" {...shared} />
      ) : (
        <input type="number" step={kind === 'integer' ? 1 : 'any'} {...shared} />
      )}
    </label>
  )
}
