import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route, setQuery } from '../../app/router.ts'
import { FilterBar } from '../../ui/filter-bar.tsx'
import { revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { type Tool, ToolView } from './tool.tsx'

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
            <ToolView key={tool.name} tool={tool} />
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
