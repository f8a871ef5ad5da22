import { Type } from '@sinclair/typebox'
import { preset, section } from './schema-helpers.ts'

/** Name of a systemd unit. It becomes an argument of a program, so it must not look like an option. */
const unit = Type.String({
  description: 'systemd unit that runs it; user units are searched before system units',
  pattern: '^[A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,199}\\.service$',
  expected: 'the name of a unit such as ollama.service'
})

export const BackendsSection = section('Local model servers', {
  ollama: section('Ollama', { unit: preset(unit, 'ollama.service') }),
  llamacpp: section('llama.cpp server', { unit: preset(unit, 'llama-server.service') }),
  control_timeout_seconds: Type.Number({
    description: 'Longest wait for a control action, in seconds; afterwards the current state is returned',
    default: 25,
    minimum: 0.5,
    maximum: 600
  })
})
