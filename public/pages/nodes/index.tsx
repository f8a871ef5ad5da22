import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { Chip, Meter } from '../../ui/chip.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { asCli, asCurl, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Copy } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { Invoke } from './invoke.tsx'
import { Push } from './push.tsx'

type Node = GatewayMethods['system.nodes']['result']['nodes'][number]

/** Devices: which there are, where they are, and if they are alive. */
export default function Nodes({ rest }: PageProps) {
  const query = useQuery('system.nodes', { includeOffline: true }, { kinds: ['node'] })
  return (
    <Loaded query={query}>
      {({ nodes }) => {
        const selected = nodes.find(({ id }) => id === rest[0])
        return (
          <>
            <Table
              label="nodes"
              columns={[
                { title: 'Node', cell: ({ id }) => <a href={hashOf(['nodes', id])}>{revealed(id)}</a> },
                { title: 'Name', cell: ({ status }) => revealed(status?.deviceName ?? '–') },
                { title: 'Role', cell: ({ role }) => role },
                { title: 'State', cell: (node) => <Seen node={node} /> },
                { title: 'Battery', cell: (node) => <Battery node={node} /> },
                { title: 'Location', cell: ({ location }) => <Place location={location} /> }
              ]}
              rows={nodes}
              id={({ id }) => id}
              selected={rest[0]}
              empty={
                <>
                  <p>No device has registered.</p>
                  <p class="muted">
                    Set <code>server.nodes.enabled</code>, then run <code>npx flynn-gateway companion</code> on a device: it
                    appears here.
                  </p>
                </>
              }
            />
            {selected ? (
              <Details node={selected} />
            ) : (
              rest[0] !== undefined && <p class="bad">{`There is no node ${revealed(rest[0])}; it may have been forgotten.`}</p>
            )}
          </>
        )
      }}
    </Loaded>
  )
}

function Seen({ node: { connected, seenAt } }: { readonly node: Node }) {
  return connected ? (
    <Chip tone="good">connected</Chip>
  ) : (
    <Chip tone="idle">
      stale since <Time at={seenAt} />
    </Chip>
  )
}

function Battery({ node: { id, connected, status } }: { readonly node: Node }) {
  if (status?.batteryPct === undefined) return <span class="muted">–</span>
  return (
    <span class={connected ? undefined : 'muted'}>
      <Meter label={`Battery of ${id}`} value={status.batteryPct} max={100} text={`${Math.round(status.batteryPct)} %`} />
      {!connected && (
        <>
          {' '}
          <Time at={status.updatedAt} />
        </>
      )}
    </span>
  )
}

function Place({ location }: { readonly location: Node['location'] }) {
  if (!location) return <span class="muted">–</span>
  const { latitude, longitude, accuracyMeters, source, capturedAt } = location
  return (
    <>
      {`${latitude.toFixed(4)}, ${longitude.toFixed(4)}`}{' '}
      <span class="muted">
        {accuracyMeters !== undefined && `± ${Math.round(accuracyMeters)} m `}
        {source && `by ${revealed(source)} `}
        <Time at={capturedAt} />
      </span>
    </>
  )
}

function Details({ node }: { readonly node: Node }) {
  const { id, connected, owner, protocol, capabilities, status, push, registeredAt } = node
  const declared = capabilities?.declared ?? []
  const params = { nodeId: id }
  return (
    <section class="card" aria-label={id}>
      <h2>{revealed(id)}</h2>
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <Seen node={node} />
          {registeredAt !== undefined && (
            <>
              {' '}
              since <Time at={registeredAt} />
            </>
          )}
        </dd>
        <dt>Owner</dt>
        <dd>{revealed(owner)}</dd>
        {status && (
          <>
            <dt>Status</dt>
            <dd>
              {revealed(
                [status.platform, status.appVersion, status.statusText, status.powerSource].filter(Boolean).join(' · ') || '–'
              )}{' '}
              <Time at={status.updatedAt} />
            </dd>
          </>
        )}
        {protocol && (
          <>
            <dt>Protocol</dt>
            <dd>{`${protocol.negotiatedVersion} (node ${protocol.clientVersion}, gateway ${protocol.serverVersion})`}</dd>
          </>
        )}
        <dt>Push</dt>
        <dd>
          {push ? (
            <>
              {`${push.provider} · ${push.tokenPreview}${push.readable ? '' : ' · cannot be read: the node has to set it again'} `}
              <Time at={push.updatedAt} />
            </>
          ) : (
            'has set no push token'
          )}
        </dd>
      </dl>
      <h3>Capabilities</h3>
      <Table
        label="capabilities"
        columns={[
          { title: 'Capability', cell: (name) => <code>{revealed(name)}</code> },
          {
            title: 'Effect',
            cell: (name) => revealed(capabilities?.details?.find((one) => one.name === name)?.description ?? '–')
          },
          {
            title: 'State',
            cell: (name) =>
              capabilities?.enabled.includes(name) ? <Chip tone="good">enabled</Chip> : <Chip tone="idle">not enabled</Chip>
          },
          {
            title: 'Action',
            cell: (name) =>
              connected && capabilities?.enabled.includes(name) ? (
                <Invoke nodeId={id} capability={name} schema={capabilities.details?.find((one) => one.name === name)?.params} />
              ) : (
                '–'
              )
          }
        ]}
        rows={declared}
        id={(name) => name}
        empty={<p>It has declared none.</p>}
      />
      <p class="bar">
        {push && <Push nodeId={id} />}
        <Confirm
          action={`Forget ${id}`}
          consequence={`Its owner, location, status and push token are deleted.${connected ? ' It is disconnected.' : ''}`}
          onConfirm={() => client.call('node.forget', params)}
        >
          Forget …
        </Confirm>
        <Copy text={() => asCli('node.forget', params)}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'node.forget', params)}>Copy as curl</Copy>
      </p>
    </section>
  )
}
