import { Type } from '@sinclair/typebox'
import { path, section } from './schema-helpers.ts'

export const DockerSection = section('Containers beside the gateway', {
  compose_file: Type.String({
    description: 'Compose file whose services are shown and controlled; without the file there are none',
    default: './docker-compose.yml',
    ...path
  }),
  self_service: Type.String({
    description: 'Service of the gateway itself; it is left out',
    default: 'flynn',
    pattern: '^[A-Za-z0-9._-]{1,128}$',
    expected: 'the name of a service of the compose file'
  }),
  control_timeout_seconds: Type.Number({
    description: 'Longest wait for a control action, in seconds; afterwards the current state is returned',
    default: 25,
    minimum: 0.5,
    maximum: 600
  })
})
