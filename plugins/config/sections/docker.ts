import { Type } from '@sinclair/typebox'
import { path, section } from './schema-helpers.ts'

export const DockerSection = section('What runs beside the gateway in containers', {
  compose_file: Type.String({
    description: 'Whose services are shown and controlled; none are where there is no such file',
    default: './docker-compose.yml',
    ...path
  }),
  self_service: Type.String({
    description: 'The service that is the gateway itself, which is left out',
    default: 'flynn',
    pattern: '^[A-Za-z0-9._-]{1,128}$',
    expected: 'the name of a service of the compose file'
  }),
  control_timeout_seconds: Type.Number({
    description: 'How long a control action may take until it is answered; what has not settled by then is told as it is',
    default: 25,
    minimum: 0.5,
    maximum: 600
  })
})
