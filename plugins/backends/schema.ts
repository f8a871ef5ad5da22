import { type Static, type TLiteral, Type } from '@sinclair/typebox'
import { named } from '../../rpc/named.ts'
import { actions, Job, Problem } from '../../rpc/schemas/machine.ts'

export const BACKEND_ACTIONS = ['start', 'restart', 'stop', 'update'] as const

export const BackendAction = named(
  'BackendAction',
  Type.Union(BACKEND_ACTIONS.map((action) => Type.Literal(action)) as TLiteral<(typeof BACKEND_ACTIONS)[number]>[], {
    description: 'One of the availableActions. `update`: Ollama pulls the configured models, llama.cpp is restarted'
  })
)

const state = {
  activeState: Type.String({ description: 'As systemd says it; `unknown` where it cannot be asked' }),
  subState: Type.String(),
  statusText: Type.String({ description: 'Status text of the service, else its state' })
}

/** A server of local models. */
export const Backend = named(
  'Backend',
  Type.Object({
    id: Type.String(),
    provider: Type.String({ description: 'The kind of provider under `models` that speaks to it' }),
    name: Type.String(),
    unit: Type.String(),
    scope: Type.Optional(
      Type.Union([Type.Literal('user'), Type.Literal('system'), Type.Null()], {
        description: 'Manager of the unit, null when no manager has a unit of that name (extension)'
      })
    ),
    configured: Type.Boolean({ description: 'The configuration has a model of it, or the machine has its unit' }),
    loadState: Type.String(),
    ...state,
    unitFileState: Type.String(),
    description: Type.String(),
    pid: Type.Union([Type.Integer(), Type.Null()]),
    result: Type.String(),
    availableActions: actions(BackendAction),
    restartCount: Type.Optional(Type.Integer({ description: 'Number of automatic restarts by systemd (extension)' })),
    problem: Type.Optional(Problem),
    job: Type.Optional(Job)
  })
)

/** State of a server of local models after an action. */
export const BackendStatus = named('BackendStatus', Type.Object({ id: Type.String(), ...state, job: Type.Optional(Job) }))

export type BackendStatus = Static<typeof BackendStatus>
