import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route, setQuery } from '../../app/router.ts'
import { FilterBar } from '../../ui/filter-bar.tsx'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Call, type Method } from './call.tsx'
import { Events } from './events.tsx'

const VIEWS = [
  { id: 'methods', title: 'Methods' },
  { id: 'events', title: 'Events' }
] as const

/** Every method of the gateway with a form to call it, and its events as they come. */
export default function Rpc({ rest: [name] }: PageProps) {
  const view = route.value.query.get('view') === 'events' ? 'events' : 'methods'
  if (name !== undefined) return <Discovered name={name} />
  return (
    <>
      <Tabs label="View" tabs={VIEWS} value={view} onChange={(id) => setQuery('view', id === 'events' ? id : undefined)} />
      {view === 'events' ? <Events /> : <Discovered />}
    </>
  )
}

/** The method of this name; without a name, the list of all. */
function Discovered({ name }: { readonly name?: string }) {
  const query = useQuery('rpc.discover', {})
  const text = route.value.query.get('q') ?? ''
  return (
    <Loaded query={query}>
      {(document) => {
        const { methods } = document as unknown as { methods: readonly Method[] }
        const method = methods.find((one) => one.name === name)
        if (method) return <Call key={method.name} method={method} document={document} />
        const rows = methods.filter((one) => `${one.name} ${one.summary ?? ''}`.toLowerCase().includes(text.trim().toLowerCase()))
        return (
          <>
            {name !== undefined && <p>{`There is no method ${name} here. These are all:`}</p>}
            <FilterBar label="Find a method" placeholder="sessions." value={text} onChange={(value) => setQuery('q', value)} />
            <Table
              label="methods"
              rows={rows}
              id={(one) => one.name}
              total={methods.length}
              empty={<p>No method has this in its name or summary.</p>}
              columns={[
                { title: 'Method', cell: (one) => <a href={hashOf(['rpc', one.name])}>{one.name}</a> },
                { title: 'Purpose', cell: (one) => one.summary ?? '' },
                { title: 'Scope', cell: (one) => one['x-scope'] }
              ]}
            />
          </>
        )
      }}
    </Loaded>
  )
}
