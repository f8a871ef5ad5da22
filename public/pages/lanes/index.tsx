import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client, may } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { Chip, type Tone } from '../../ui/chip.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { asCli, asCurl, duration, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Copy } from '../../ui/text.tsx'
import { attempt } from '../../ui/toast.tsx'
import { PolicyEditor } from './policy.tsx'

export type Lane = GatewayMethods['queue.list']['result']['lanes'][number]

/** Most lanes that one request answers. */
const LIMIT = 200

const TONES: Readonly<Record<Lane['state'], Tone>> = {
  idle: 'idle',
  held: 'wait',
  quiet: 'wait',
  ready: 'wait',
  running: 'good',
  paused: 'wait',
  resuming: 'good',
  stopping: 'wait'
}

/** Runs and waiting messages of all sessions. */
export default function Lanes(_props: PageProps) {
  const query = useQuery('queue.list', { limit: LIMIT }, { kinds: ['lane'] })
  return (
    <Loaded query={query}>
      {({ lanes, total, summary }) => (
        <>
          <p>
            {`${summary.running} of ${summary.maxConcurrentRuns} run · ${summary.waiting} wait`}
            {summary.oldestAgeMs !== null && ` · the oldest for ${duration(summary.oldestAgeMs)}`}
            {summary.paused > 0 && ` · ${summary.paused} paused`}
            {summary.dropped > 0 && ` · ${summary.dropped} dropped in the last hour`}
          </p>
          {lanes.length === 0 && (
            <div class="empty">
              <p>Nothing runs and nothing waits.</p>
              <p class="muted">A lane appears here while its session has a run, waiting messages, or is paused.</p>
            </div>
          )}
          <div class="cards">
            {lanes.map((lane) => (
              <LaneCard key={lane.sessionId} lane={lane} />
            ))}
          </div>
          {lanes.length > 0 && <p class="muted">{`${lanes.length} of ${total} lanes`}</p>}
        </>
      )}
    </Loaded>
  )
}

function LaneCard({ lane }: { readonly lane: Lane }) {
  const { sessionId, running, messages, depth, dropped, droppedCount } = lane
  const write = may('write')
  return (
    <section class="card" aria-label={sessionId}>
      <div class="bar">
        <h2>
          <a href={hashOf(['sessions', sessionId])}>{revealed(sessionId)}</a>
        </h2>
        <Chip tone={TONES[lane.state]}>
          {lane.state === 'running' && running ? `running for ${duration(running.ageMs)}` : lane.state}
        </Chip>
      </div>
      {running && (
        <p>
          <a href={hashOf(['sessions', sessionId, running.runId])}>Run</a> of {running.owner}{' '}
          {write && (
            <Confirm
              action={`Stop the run of ${sessionId}`}
              consequence="The answer ends where it is. Waiting messages stay."
              reason="Reason, for the history"
              onConfirm={(reason) =>
                client.call('agent.cancel', { sessionId, runId: running.runId, keepQueue: true, ...(reason ? { reason } : {}) })
              }
            >
              Stop …
            </Confirm>
          )}
        </p>
      )}
      {messages.length > 0 && (
        <ol class="queue">
          {messages.map(({ messageId, preview, owner, mode, ageMs }) => (
            <li key={messageId}>
              <span>{revealed(preview)}</span> <span class="muted">{`${owner} · ${mode} · ${duration(ageMs)}`}</span>{' '}
              {write && (
                <button
                  type="button"
                  class="plain"
                  aria-label={`Cancel the waiting message ${preview}`}
                  onClick={() => attempt(client.call('queue.cancel', { sessionId, messageId }), 'The message is taken back')}
                >
                  Cancel
                </button>
              )}
            </li>
          ))}
        </ol>
      )}
      {depth > messages.length && <p class="muted">{`${messages.length} of ${depth} waiting messages`}</p>}
      {droppedCount > 0 && (
        <p class="muted">{`Dropped in the last hour: ${droppedCount}, the last “${revealed(dropped[0]?.preview ?? '')}”`}</p>
      )}
      <PolicyEditor lane={lane} editable={write} />
      <p class="bar">
        {write &&
          (lane.paused ? (
            <button type="button" onClick={() => attempt(client.call('queue.resume', { sessionId }), `${sessionId} goes on`)}>
              Resume
            </button>
          ) : (
            <button type="button" onClick={() => attempt(client.call('queue.pause', { sessionId }), `${sessionId} is paused`)}>
              Pause
            </button>
          ))}
        {write && depth > 0 && (
          <Confirm
            action={`Clear the queue of ${sessionId}`}
            consequence={`${depth} waiting ${depth === 1 ? 'message is' : 'messages are'} taken back. The run goes on.`}
            onConfirm={() => client.call('queue.clear', { sessionId })}
          >
            Clear …
          </Confirm>
        )}
        <Copy text={() => asCli('queue.get', { sessionId })}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'queue.get', { sessionId })}>Copy as curl</Copy>
      </p>
    </section>
  )
}
