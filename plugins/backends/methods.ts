import { Type } from '@sinclair/typebox'
import { defineMethod } from '../define.ts'
import { Backend, BackendAction, BackendStatus } from './schema.ts'

export const localBackends = defineMethod({
  name: 'system.localBackends',
  summary: 'Show the servers of local models that systemd runs on this machine',
  scope: 'operate',
  params: Type.Object({}, { additionalProperties: false }),
  result: Type.Object({ backends: Type.Array(Backend) }),
  examples: [
    {
      params: {},
      result: {
        backends: [
          {
            id: 'ollama',
            provider: 'ollama',
            name: 'Ollama',
            unit: 'ollama.service',
            configured: true,
            loadState: 'loaded',
            activeState: 'active',
            subState: 'running',
            unitFileState: 'enabled',
            description: 'Ollama Service',
            pid: 12345,
            result: 'success',
            statusText: 'active (running)',
            availableActions: ['restart', 'stop']
          }
        ]
      }
    }
  ],
  handler: async (_params, { app }) => ({ backends: await app.backends.list() })
})

export const localBackendControl = defineMethod({
  name: 'system.localBackendControl',
  summary: 'Start, restart, stop or update a server of local models',
  scope: 'operate',
  params: Type.Object(
    {
      backend: Type.String({ minLength: 1, maxLength: 64, description: 'An id of system.localBackends' }),
      action: BackendAction
    },
    { additionalProperties: false }
  ),
  result: Type.Object({
    backend: Type.String(),
    action: BackendAction,
    status: BackendStatus,
    message: Type.Optional(Type.String({ description: 'Summary of the action, for people (extension)' }))
  }),
  examples: [
    {
      params: { backend: 'ollama', action: 'restart' },
      result: {
        backend: 'ollama',
        action: 'restart',
        status: { id: 'ollama', activeState: 'active', subState: 'running', statusText: 'active (running)' }
      }
    }
  ],
  async handler({ backend, action }, { app, caller }) {
    const { status, message } = await app.backends.control(backend, action, caller.id)
    const { id, activeState, subState, statusText, job } = status
    return { backend, action, status: { id, activeState, subState, statusText, ...(job ? { job } : {}) }, message }
  }
})
