import { useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client } from '../../app/gateway.ts'
import { useAction, useQuery } from '../../app/query.ts'
import { route, setQuery } from '../../app/router.ts'
import { FilterBar } from '../../ui/filter-bar.tsx'
import { asCli, asCurl, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy } from '../../ui/text.tsx'
import { toast } from '../../ui/toast.tsx'

type Setting = GatewayMethods['config.describe']['result']['settings'][number]
type Preview = GatewayMethods['config.reload']['result']

const shown = (value: unknown): string => (value === undefined || value === null ? '–' : revealed(JSON.stringify(value)))

/** Settings in force, with their origin, and the way to read the configuration again. */
export default function Config() {
  const query = useQuery('config.describe', {}, { kinds: ['config'] })
  const text = route.value.query.get('q') ?? ''
  const all = route.value.query.get('all') === 'yes'
  return (
    <>
      <Reload />
      <div class="bar">
        <FilterBar label="Find a setting" placeholder="server.port" value={text} onChange={(value) => setQuery('q', value)} />
        <label class="check">
          <input type="checkbox" checked={!all} onChange={() => setQuery('all', all ? undefined : 'yes')} /> Only what differs
          from the default
        </label>
        <Copy text={() => asCli('config.describe', {})}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'config.describe', {})}>Copy as curl</Copy>
      </div>
      <Loaded query={query}>
        {({ settings }) => {
          const rows = settings.filter(
            ({ path, description, origin }) =>
              (all || origin !== 'default') && `${path} ${description ?? ''}`.toLowerCase().includes(text.trim().toLowerCase())
          )
          return (
            <Table<Setting>
              label="settings"
              rows={rows}
              id={({ path }) => path}
              total={settings.length}
              empty={
                <p>
                  {all
                    ? 'No setting has this name.'
                    : 'Everything found is as by default. Uncheck “Only what differs” to see all settings.'}
                </p>
              }
              columns={[
                {
                  title: 'Setting',
                  cell: ({ path, description }) => (
                    <>
                      <code>{revealed(path)}</code>
                      <br />
                      <span class="muted">{description}</span>
                    </>
                  )
                },
                { title: 'Value', cell: ({ value }) => <code>{shown(value)}</code> },
                { title: 'Default', cell: ({ default: usual }) => <code>{shown(usual)}</code> },
                { title: 'From', cell: ({ origin, place }) => place ?? origin },
                { title: 'A change', cell: ({ needsRestart }) => (needsRestart ? 'needs a restart' : 'is live') }
              ]}
            />
          )
        }}
      </Loaded>
    </>
  )
}

/** Reads the configuration again in two steps: what would change, then the change, unless the file changed in between. */
function Reload() {
  const [preview, setPreview] = useState<Preview>()
  const look = useAction(async () => setPreview(await client.call('config.reload', { dryRun: true })))
  const apply = useAction(async () => {
    await client.call('config.reload', { ...(preview?.hash && { baseHash: preview.hash }) })
    setPreview(undefined)
    toast('The configuration is in force')
  })
  const error = apply.error ?? look.error
  return (
    <section class="card" aria-label="Reload">
      <div class="bar">
        <h2>Read the configuration again</h2>
        <button type="button" disabled={look.busy} onClick={() => void look.run()}>
          Preview
        </button>
      </div>
      {error && (
        <p class="bad" role="alert">
          {error.message}
        </p>
      )}
      {preview && (preview.changes ?? []).length === 0 && <p role="status">Nothing would change.</p>}
      {preview && (preview.changes ?? []).length > 0 && (
        <>
          <Table
            label="changes"
            rows={preview.changes ?? []}
            id={({ path }) => path}
            empty=""
            columns={[
              { title: 'Setting', cell: ({ path }) => <code>{path}</code> },
              { title: 'In force', cell: ({ before }) => <code>{shown(before)}</code> },
              { title: 'Read', cell: ({ after }) => <code>{shown(after)}</code> },
              { title: 'Takes effect', cell: ({ needsRestart }) => (needsRestart ? 'after a restart' : 'at once') }
            ]}
          />
          <p>
            <button type="button" class="primary" disabled={apply.busy} onClick={() => void apply.run()}>
              Reload
            </button>
          </p>
        </>
      )}
    </section>
  )
}
