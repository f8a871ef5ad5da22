import { useEffect, useState } from 'preact/hooks'
import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client, may } from '../../app/gateway.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { route, setQuery } from '../../app/router.ts'
import { Confirm } from '../../ui/dialog.tsx'
import { download } from '../../ui/download.ts'
import { asCli, asCurl, count, duration, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Copy, Json } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { attempt } from '../../ui/toast.tsx'
import { RunState } from './run-state.tsx'
import { StepDetails, StepTable, Timeline } from './timeline.tsx'

export type RunDetails = GatewayMethods['runs.get']['result']

const VIEWS = [
  { id: 'timeline', title: 'Timeline' },
  { id: 'list', title: 'List' },
  { id: 'json', title: 'JSON' }
] as const

/** One run: what happened, how long it took, and how much it used. */
export function RunView({ sessionId, runId }: { readonly sessionId: string; readonly runId: string }) {
  const query = useQuery('runs.get', { runId }, { kinds: ['run'] })
  return (
    <>
      <p>
        <a href={hashOf(['sessions', sessionId])}>{`Session ${revealed(sessionId)}`}</a>
      </p>
      <Loaded query={query}>{(run) => <Details run={run} />}</Loaded>
    </>
  )
}

function Details({ run }: { readonly run: RunDetails }) {
  const { query } = route.value
  const view = VIEWS.find(({ id }) => id === query.get('view'))?.id ?? 'timeline'
  const chosen = query.get('step')
  const step = chosen === undefined ? undefined : run.steps[Number(chosen)]
  const [now, setNow] = useState(Date.now())
  const running = run.endedAt === null
  useEffect(() => {
    if (!running) return
    const timer = setInterval(() => document.hidden || setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [running])
  const end = run.endedAt ?? Math.max(now, run.startedAt)
  const replay = useReplay(run.acceptedAt, end)
  const choose = (at: number): void => setQuery('step', String(at) === chosen ? undefined : String(at))
  return (
    <>
      <Facts run={run} end={end} />
      <div class="bar">
        <Tabs label="View" tabs={VIEWS} value={view} onChange={(id) => setQuery('view', id === 'timeline' ? undefined : id)} />
        {view === 'timeline' && !running && (
          <span>
            {[1, 4].map((speed) => (
              <button key={speed} type="button" aria-pressed={replay.speed === speed} onClick={() => replay.start(speed)}>
                {`Replay at ${speed}×`}
              </button>
            ))}{' '}
            {replay.at !== undefined && (
              <button type="button" onClick={replay.stop}>
                {`Stop at ${duration(replay.at - run.acceptedAt)}`}
              </button>
            )}
          </span>
        )}
      </div>
      {view === 'json' ? (
        <Json value={run} label="The run as JSON" />
      ) : (
        <>
          {view === 'timeline' && <Timeline run={run} end={end} until={replay.at} />}
          <StepTable run={run} end={end} until={view === 'timeline' ? replay.at : undefined} chosen={chosen} onChoose={choose} />
          {step && <StepDetails step={step} sessionId={run.sessionId} />}
        </>
      )}
    </>
  )
}

function Facts({ run, end }: { readonly run: RunDetails; readonly end: number }) {
  const { sessionId, runId, owner, acceptedAt, startedAt, endedAt, usage, provider, model } = run
  return (
    <section class="card" aria-label="Run">
      <RunState run={run} />
      <dl class="facts">
        <dt>For</dt>
        <dd>{revealed(owner)}</dd>
        <dt>Accepted</dt>
        <dd>
          <Time at={acceptedAt} />
        </dd>
        <dt>Waited, ran</dt>
        <dd>{`${duration(Math.max(0, startedAt - acceptedAt))}, ${duration(end - startedAt)}${endedAt === null ? ' so far' : ''}`}</dd>
        <dt>Tokens</dt>
        <dd>{`${count(usage.inputTokens)} in, ${count(usage.outputTokens)} out`}</dd>
        <dt>Model</dt>
        <dd>{model === null ? 'none was asked' : `${model} (${provider})`}</dd>
        <dt>Id</dt>
        <dd>{runId}</dd>
      </dl>
      <p>
        {may('write') && endedAt === null && (
          <Confirm
            action={`Stop run ${runId}`}
            consequence="The answer ends where it is. Waiting messages stay."
            reason="Reason, for the history"
            onConfirm={(reason) =>
              client.call('agent.cancel', { sessionId, runId, keepQueue: true, ...(reason ? { reason } : {}) })
            }
          >
            Stop …
          </Confirm>
        )}{' '}
        {may('write') && endedAt !== null && (
          <Confirm
            action="Send its message again"
            consequence="The agent answers the message of this run anew, with what that costs. It has to be your own message."
            danger={false}
            onConfirm={async () =>
              attempt(Promise.resolve(client.call('agent.retry', { sessionId, runId })), 'The new run has ended')
            }
          >
            Run again …
          </Confirm>
        )}{' '}
        <button type="button" onClick={() => download(`run-${runId}.json`, 'application/json', JSON.stringify(run, null, 2))}>
          Download JSON
        </button>{' '}
        <Copy text={() => asCli('runs.get', { runId })}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, 'runs.get', { runId })}>Copy as curl</Copy>
      </p>
    </section>
  )
}

/** Moves through the time of a run as it passed, or faster. `at`: where it is; undefined: the whole run is shown. */
function useReplay(from: number, end: number) {
  const [speed, setSpeed] = useState<number>()
  const [at, setAt] = useState<number>()
  useEffect(() => {
    if (speed === undefined) return
    const began = performance.now()
    const timer = setInterval(() => {
      const reached = from + (performance.now() - began) * speed
      if (reached < end) return setAt(reached)
      setAt(undefined)
      setSpeed(undefined)
    }, 100)
    return () => clearInterval(timer)
  }, [speed, from, end])
  const stop = (): void => {
    setSpeed(undefined)
    setAt(undefined)
  }
  const start = (wanted: number): void => {
    setAt(from)
    setSpeed(wanted)
  }
  return { speed, at, start, stop }
}
