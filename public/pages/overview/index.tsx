import { may } from '../../app/gateway.ts'
import type { PageProps } from '../../app/pages.ts'
import { useQuery } from '../../app/query.ts'
import { hashOf } from '../../app/route.ts'
import { Chip, Shape } from '../../ui/chip.tsx'
import { duration, revealed } from '../../ui/format.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { Table } from '../../ui/table.tsx'
import { Time } from '../../ui/time.tsx'
import { FirstSteps } from './first-steps.tsx'
import { problemsOf } from './problems.ts'
import { SourceStrips } from './strips.tsx'

const MINUTE = 60_000
/** Failed runs that are shown. */
const SHOWN = 5

/** The page that says if anything is wrong now. */
export default function Overview(_props: PageProps) {
  const operate = may('operate')
  const each = { every: MINUTE, when: operate }
  const info = useQuery('system.info', {}, { every: MINUTE })
  const lanes = useQuery('queue.list', { limit: 1 }, { kinds: ['lane'] })
  const sessions = useQuery('sessions.list', { limit: 1 }, { kinds: ['session'] })
  const failed = useQuery('runs.list', { status: 'failed', limit: 50 }, { kinds: ['run'] })
  const confirmations = useQuery('confirmations.list', { limit: 1 }, { kinds: ['confirm'] })
  const sources = useQuery('system.observabilitySources', {}, { every: MINUTE / 2, when: operate })
  const doctor = useQuery('system.doctor', {}, each)
  const channels = useQuery('channels.list', {}, each)
  const servers = useQuery('mcp.list', {}, each)
  const nodes = useQuery('system.nodes', { includeOffline: true }, { kinds: ['node'], when: operate })

  const problems = problemsOf(
    {
      findings: doctor.data,
      sources: sources.data,
      failed: failed.data,
      channels: channels.data,
      servers: servers.data
    },
    Date.now()
  )
  const asked = [failed, ...(operate ? [sources, doctor, channels, servers] : [])]
  const known = asked.every(({ data, error }) => data !== undefined || error !== undefined)
  const unanswered = asked.filter(({ error }) => error !== undefined).length
  const offline = info.data?.model?.offline === true
  const spoken = (sessions.data?.total ?? 1) > 0
  const warnings = doctor.data?.findings.filter(({ status }) => status !== 'pass') ?? []
  const connected = nodes.data?.nodes.filter((node) => node.connected).length ?? 0
  return (
    <>
      <section class="card" aria-label="State">
        <p class="state" role="status">
          {!known ? (
            'Looking …'
          ) : problems.length > 0 ? (
            <>
              <Shape tone="bad" /> {problems.length === 1 ? 'One thing is wrong:' : `${problems.length} things are wrong:`}
            </>
          ) : unanswered > 0 ? (
            <>
              <Shape tone="wait" /> {`${unanswered} of ${asked.length} checks could not be made.`}
            </>
          ) : (
            <>
              <Shape tone="good" /> All is well.
            </>
          )}
        </p>
        {problems.length > 0 && (
          <ul>
            {problems.map(({ text, href }) => (
              <li key={text}>{href ? <a href={href}>{revealed(text)}</a> : revealed(text)}</li>
            ))}
          </ul>
        )}
      </section>
      {(!spoken || offline) && info.data && <FirstSteps spoken={spoken} model={!offline} operate={operate} />}
      <Loaded query={info}>
        {({ uptime, version, connections, model }) => (
          <dl class="facts card">
            <dt>Gateway</dt>
            <dd>{`${version}, up for ${duration(uptime * 1000)}, ${connections} ${connections === 1 ? 'connection' : 'connections'}`}</dd>
            <dt>Model</dt>
            <dd>{model ? (model.offline ? 'none: the built-in one answers' : `${model.provider} · ${model.model}`) : '–'}</dd>
            <dt>Now</dt>
            <dd>
              {lanes.data ? (
                <a href={hashOf(['lanes'])}>
                  {`${lanes.data.summary.running} running, ${lanes.data.summary.waiting} waiting`}
                  {lanes.data.summary.oldestAgeMs !== null && `, the oldest for ${duration(lanes.data.summary.oldestAgeMs)}`}
                </a>
              ) : (
                '…'
              )}
            </dd>
            <dt>Approvals</dt>
            <dd>
              {confirmations.data?.total ? (
                <a href={hashOf(['approvals'])}>
                  <Chip tone="wait">{`${confirmations.data.total} waiting`}</Chip>
                </a>
              ) : (
                'none waiting'
              )}
            </dd>
            {nodes.data && (
              <>
                <dt>Nodes</dt>
                <dd>
                  <a href={hashOf(['nodes'])}>{`${connected} of ${nodes.data.nodes.length} connected`}</a>
                </dd>
              </>
            )}
            {channels.data && (
              <>
                <dt>Channels</dt>
                <dd>
                  {channels.data.channels
                    .filter(({ received }) => received > 0)
                    .map(({ name, lastReceivedAt }) => (
                      <span key={name} class="chip">
                        {name} <Time at={lastReceivedAt} />{' '}
                      </span>
                    ))}
                  {channels.data.channels.every(({ received }) => received === 0) && 'no messages since the start'}
                </dd>
              </>
            )}
          </dl>
        )}
      </Loaded>
      {operate && <SourceStrips sources={sources} />}
      {operate && (
        <Loaded query={doctor}>
          {({ findings }) => (
            <section class="card" aria-label="Checks">
              <h2>Checks</h2>
              <p class="muted">{`${findings.length - warnings.length} of ${findings.length} checks pass.`}</p>
              {warnings.map(({ check, status, message, fix }) => (
                <p key={check}>
                  <Chip tone={status === 'fail' ? 'bad' : 'wait'}>{`${check}: ${status}`}</Chip> {message}
                  {fix && <span class="muted">{` ${fix}`}</span>}
                </p>
              ))}
            </section>
          )}
        </Loaded>
      )}
      <h2>Last failed runs</h2>
      <Loaded query={failed}>
        {({ runs, total }) => (
          <Table
            label="failed runs"
            columns={[
              { title: 'When', cell: ({ acceptedAt }) => <Time at={acceptedAt} /> },
              {
                title: 'Run',
                cell: ({ sessionId, runId }) => <a href={hashOf(['sessions', sessionId, runId])}>{revealed(sessionId)}</a>
              },
              { title: 'Model', cell: ({ provider, model }) => (provider ? `${provider} · ${model}` : '–') },
              { title: 'Error', cell: ({ error, reason }) => revealed(error?.message ?? reason ?? '–') }
            ]}
            rows={runs.slice(0, SHOWN)}
            total={total}
            id={({ runId }) => runId}
            empty={<p>No run has failed. A run that fails appears here with its error.</p>}
          />
        )}
      </Loaded>
    </>
  )
}
