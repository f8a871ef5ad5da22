import { Type } from '@sinclair/typebox'
import { preset, section } from './schema-helpers.ts'

/** As systemd names them. It becomes an argument of a program: it must not look like an option. */
const unit = Type.String({
  description: 'The systemd unit that runs it; looked for among those of the user, then among those of the system',
  pattern: '^[A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,199}\\.service$',
  expected: 'the name of a unit such as ollama.service'
})

export const BackendsSection = section('Servers of local models', {
  ollama: section('Ollama', { unit: preset(unit, 'ollama.service') }),
  llamacpp: section('The server of llama.cpp', { unit: preset(unit, 'llama-server.service') }),
  control_timeout_seconds: Type.Number({
    description: 'How long a control action may take until it is answered; what has not settled by then is told as it is',
    default: 25,
    minimum: 0.5,
    maximum: 600
  })
})
