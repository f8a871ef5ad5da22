import { type TLiteral, Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { actions, Job, Problem } from '../../rpc/schemas/machine.ts'

export const DEPENDENCY_ACTIONS = ['start', 'restart', 'stop', 'update'] as const

export const DependencyAction = named(
  'DependencyAction',
  Type.Union(DEPENDENCY_ACTIONS.map((action) => Type.Literal(action)) as TLiteral<(typeof DEPENDENCY_ACTIONS)[number]>[], {
    description: 'One of the availableActions. `update` pulls the image and lets compose reconcile the service with it'
  })
)

const state = {
  state: Type.String({
    description: 'That of its container; `not_created` without one, `unknown` where Docker cannot be asked'
  }),
  health: Type.Union(
    ['none', 'starting', 'healthy', 'unhealthy'].map((health) => Type.Literal(health)) as TLiteral<
      'none' | 'starting' | 'healthy' | 'unhealthy'
    >[]
  ),
  statusText: Type.String()
}

/** A service of the compose file. */
export const Dependency = named(
  'Dependency',
  Type.Object({
    id: Type.String(),
    name: Type.String(),
    service: Type.String({ description: 'Its name in the compose file' }),
    configured: Type.Boolean(),
    ...state,
    containerName: Type.String({ description: 'That of its container, or that it would have' }),
    availableActions: actions(DependencyAction),
    problem: Type.Optional(Problem),
    job: Type.Optional(Job)
  })
)

/** State of a service after an action. */
export const DependencyStatus = named('DependencyStatus', Type.Object({ id: Type.String(), ...state, job: Type.Optional(Job) }))
