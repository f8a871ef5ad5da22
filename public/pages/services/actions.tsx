import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { base, client } from '../../app/gateway.ts'
import { Chip } from '../../ui/chip.tsx'
import { Confirm } from '../../ui/dialog.tsx'
import { asCli, asCurl } from '../../ui/format.ts'
import { Copy } from '../../ui/text.tsx'
import { Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'

type Backend = GatewayMethods['system.localBackends']['result']['backends'][number]
type Dependency = GatewayMethods['system.dockerDependencies']['result']['dependencies'][number]
type Action = Backend['availableActions'][number]

/** State of a service that the gateway can control. */
export interface Managed {
  readonly kind: 'backend' | 'dependency'
  readonly id: string
  readonly actions: readonly Action[]
  readonly statusText: string
  readonly problem?: string | undefined
  readonly job?: Backend['job']
  readonly health?: Dependency['health']
  readonly restartCount?: number | undefined
}

const WORDS: Readonly<Record<Action, { readonly title: string; readonly consequence: string }>> = {
  start: { title: 'Start', consequence: 'It runs from then on.' },
  restart: { title: 'Restart', consequence: 'It is away for a moment. Requests that it serves now fail.' },
  stop: { title: 'Stop', consequence: 'It is away until it is started again. Models and tools that need it fail.' },
  update: { title: 'Update', consequence: 'Its new version is fetched in the background, and takes its place.' }
}

/** Buttons for what can be done to a service now, and how its last job went. */
export function Actions({
  name,
  managed: { kind, id, actions, statusText, problem, job },
  onDone
}: {
  readonly name: string
  readonly managed: Managed
  readonly onDone: () => void
}) {
  const control = async (action: Action): Promise<void> => {
    const { message } =
      kind === 'backend'
        ? await client.call('system.localBackendControl', { backend: id, action })
        : await client.call('system.dockerDependencyControl', { dependency: id, action })
    toast(message ?? `${name}: ${action} is done`)
    onDone()
  }
  const method = kind === 'backend' ? 'system.localBackendControl' : 'system.dockerDependencyControl'
  const params = { [kind]: id, action: actions[0] ?? 'restart' }
  return (
    <>
      <p>
        {statusText}
        {problem && problem !== statusText && <span class="bad">{` ${problem}`}</span>}
      </p>
      {job && (
        <p role="status">
          <Chip tone={job.state === 'done' ? 'good' : job.state === 'failed' ? 'bad' : 'wait'}>
            {`${job.action}: ${job.state}`}
          </Chip>{' '}
          {job.text} <Time at={job.endedAt ?? job.startedAt} />
        </p>
      )}
      <p class="bar">
        {actions.map((action) => (
          <Confirm
            key={action}
            action={`${WORDS[action].title} ${name}`}
            consequence={WORDS[action].consequence}
            danger={action !== 'start'}
            onConfirm={() => control(action)}
          >
            {`${WORDS[action].title} …`}
          </Confirm>
        ))}
        {actions.length === 0 && <span class="muted">Nothing can be done to it now.</span>}
        <Copy text={() => asCli(method, params)}>Copy as CLI</Copy>
        <Copy text={() => asCurl(base, method, params)}>Copy as curl</Copy>
      </p>
    </>
  )
}
