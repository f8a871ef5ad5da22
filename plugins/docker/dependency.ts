import { invalidParams, type RpcError } from '../../rpc/errors.ts'
import type { Job } from '../programs/index.ts'
import { type Container, standingFor } from './containers.ts'
import type { Service } from './model.ts'
import type { DEPENDENCY_ACTIONS } from './schema.ts'

export type Action = (typeof DEPENDENCY_ACTIONS)[number]

/** One service of the compose file, as it is now. */
export interface Dependency {
  readonly id: string
  readonly name: string
  readonly service: string
  readonly configured: true
  /** That of its container; `not_created` without one, `unknown` where Docker cannot be asked. */
  readonly state: string
  readonly health: Container['health']
  readonly statusText: string
  /** That it has, or would have. */
  readonly containerName: string
  readonly availableActions: Action[]
  /** Why it cannot be seen. */
  readonly problem?: string
  /** The update that runs, or the last one. */
  readonly job?: Job
}

function described({ id, name, service }: Service) {
  return { id, name, service, configured: true } as const
}

/** A service and its containers; a text says why those cannot be seen. */
export function seen(service: Service, containers: readonly Container[] | string): Dependency {
  if (typeof containers === 'string') return unseen(service, containers)
  const container = standingFor(service.service, containers)
  const state = container?.state ?? 'not_created'
  return {
    ...described(service),
    state,
    health: container?.health ?? 'none',
    statusText: container ? container.status || state : 'Not created',
    containerName: container?.name || service.containerName,
    availableActions: actionsOf(state, service)
  }
}

function unseen(service: Service, problem: string): Dependency {
  return {
    ...described(service),
    state: 'unknown',
    health: 'none',
    statusText: problem,
    containerName: service.containerName,
    availableActions: [],
    problem
  }
}

function actionsOf(state: string, { image }: Service): Action[] {
  // A service that is built here has no image to pull.
  const update: Action[] = image === undefined ? [] : ['update']
  if (state === 'running') return ['restart', 'stop', ...update]
  if (state === 'restarting' || state === 'paused') return ['restart', 'stop']
  return ['created', 'exited', 'dead', 'not_created'].includes(state) ? ['start', ...update] : []
}

/** On its way to another state. */
export function inTransit({ state, health }: Dependency): boolean {
  return ['restarting', 'removing'].includes(state) || (state === 'running' && health === 'starting')
}

/** `running (healthy)` */
export function shortly({ state, health }: Pick<Dependency, 'state' | 'health'>): string {
  return health === 'none' ? state : `${state} (${health})`
}

const DONE = { start: 'Started', restart: 'Restarted', stop: 'Stopped' } as const

/** Report of an action, for people. */
export function told(dependency: Dependency, action: Exclude<Action, 'update'>): string {
  const { service, state, problem } = dependency
  if (problem !== undefined) return `Told ${service} container to ${action}; what became of it cannot be seen: ${problem}.`
  const reached = action === 'stop' ? state !== 'running' && state !== 'restarting' : state === 'running'
  return reached
    ? `${DONE[action]} ${service} container.`
    : `Told ${service} container to ${action}; it is ${shortly(dependency)} now.`
}

/** A param that names nothing of the list. */
export function wrong(param: string, text: string): RpcError {
  return invalidParams([{ path: `params.${param}`, message: text }])
}

/** @throws RpcError InvalidRequest that lists the available actions */
export function allow({ id, availableActions, statusText }: Dependency, action: Action): void {
  if (availableActions.includes(action)) return
  const possible = availableActions.join(', ') || 'nothing'
  throw wrong('action', `cannot be ${action} for ${id} now (${statusText}); possible: ${possible}`)
}
