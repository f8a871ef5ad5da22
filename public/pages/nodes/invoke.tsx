import { useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client } from '../../app/gateway.ts'
import { useAction } from '../../app/query.ts'
import { Chip } from '../../ui/chip.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Problem } from '../../ui/form.tsx'
import { asCli, asCurl } from '../../ui/format.ts'
import { SchemaForm, useSchemaForm } from '../../ui/schema-form.tsx'
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
  const form = useSchemaForm(schema)
  const [result, setResult] = useState<GatewayMethods['node.invoke']['result']>()
  const { run, busy, error } = useAction(async (args: Record<string, unknown>) => {
    setResult(undefined)
    try {
      setResult(await client.call('node.invoke', { nodeId, capability, args }))
    } catch (error) {
      form.refuse(error, 'params.args')
      throw error
    }
  })
  const params = () => ({ nodeId, capability, args: form.peek() })
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    const args = form.submit()
    if (args) void run(args)
  }
  return (
    <form class="form" onSubmit={submit} noValidate>
      <SchemaForm form={form} label="Arguments" />
      <Problem text={error?.message} />
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
