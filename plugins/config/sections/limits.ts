import { Type } from '@sinclair/typebox'
import { restart, section } from './schema-helpers.ts'

const MIB = 1024 * 1024

const bytes = (description: string, preset: number, maximum: number) =>
  Type.Integer({ description: `${description}, in bytes`, default: preset, minimum: 1024, maximum })

export const LimitsSection = section('Bounds on the cost of one caller. An error beyond one of them names its key', {
  workspace_bytes: bytes('Files of one session', 512 * MIB, 1024 * 1024 * MIB),
  memory_bytes: bytes('Texts of one memory namespace; of a guest, of all its namespaces together', 8 * MIB, 1024 * MIB),
  answer_bytes: bytes('Answer of one run, with the thoughts of the model. A longer one ends there, as cut', MIB, 64 * MIB),
  tool_args_bytes: bytes('Arguments of one tool call, as JSON. Larger ones are refused', MIB, 16 * MIB),
  tool_result_bytes: bytes('Text of one tool result. A longer one is cut with a note', MIB, 16 * MIB),
  tool_calls_per_step: Type.Integer({
    description: 'Tool calls of one answer of the model. Further ones are refused',
    default: 32,
    minimum: 1,
    maximum: 1000
  }),
  connections: Type.Integer({
    description: 'Open connections. Further ones are closed',
    default: 10_000,
    minimum: 1,
    maximum: 1_000_000,
    ...restart
  }),
  connections_per_address: Type.Integer({
    description: 'Open connections of one client address. Further ones are closed; trusted proxies are exempt',
    default: 1000,
    minimum: 1,
    maximum: 1_000_000
  }),
  unauthenticated_connections: Type.Integer({
    description: 'Open connections without a login. Beyond it the oldest one is closed',
    default: 500,
    minimum: 1,
    maximum: 1_000_000
  })
})
