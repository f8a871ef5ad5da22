import { Type } from '@sinclair/typebox'
import { Problem } from '../../rpc/schemas/machine.ts'
import { defineMethod } from '../define.ts'
import { Dependency, DependencyAction, DependencyStatus } from './schema.ts'

export const dockerDependencies = defineMethod({
  name: 'system.dockerDependencies',
  summary: 'Show the services of the compose file that run beside the gateway, those of all profiles',
  scope: 'operate',
  params: Type.Object({}, { additionalProperties: false }),
  result: Type.Object({ dependencies: Type.Array(Dependency), problem: Type.Optional(Problem) }),
  examples: [
    {
      params: {},
      result: {
        dependencies: [
          {
            id: 'whisper',
            name: 'Whisper (whisper.cpp)',
            service: 'whisper-server',
            configured: true,
            state: 'running',
            health: 'healthy',
            statusText: 'Up 4 minutes (healthy)',
            containerName: 'flynn-whisper-server-1',
            availableActions: ['restart', 'stop', 'update']
          },
          {
            id: 'brave-search',
            name: 'Brave Search',
            service: 'brave-search',
            configured: true,
            state: 'running',
            health: 'healthy',
            statusText: 'Up 2 minutes',
            containerName: 'brave-search',
            availableActions: ['restart', 'stop', 'update']
          },
          {
            id: 'searxng',
            name: 'SearXNG',
            service: 'searxng',
            configured: true,
            state: 'running',
            health: 'none',
            statusText: 'Up 2 minutes',
            containerName: 'searxng',
            availableActions: ['restart', 'stop', 'update']
          }
        ]
      }
    }
  ],
  handler: async (_params, { app }) => await app.dependencies.listing()
})

export const dockerDependencyControl = defineMethod({
  name: 'system.dockerDependencyControl',
  summary: 'Start, restart, stop or update a service of the compose file',
  scope: 'operate',
  params: Type.Object(
    {
      dependency: Type.String({ minLength: 1, maxLength: 128, description: 'An id of system.dockerDependencies' }),
      action: DependencyAction
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    dependency: Type.String(),
    action: DependencyAction,
    status: DependencyStatus,
    message: Type.String({ description: 'Summary of the action, for people' })
  }),
  examples: [
    {
      params: { dependency: 'whisper', action: 'restart' },
      result: {
        dependency: 'whisper',
        action: 'restart',
        status: { id: 'whisper', state: 'running', health: 'healthy', statusText: 'running (healthy)' },
        message: 'Restarted whisper-server container.'
      }
    }
  ],
  async handler({ dependency, action }, { app, caller }) {
    return { dependency, action, ...(await app.dependencies.control(dependency, action, caller.id)) }
  }
})
