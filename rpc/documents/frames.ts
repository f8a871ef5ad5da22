import type { TSchema } from '@sinclair/typebox'
import { Failure } from '../schemas/failure.ts'
import type { JsonSchema, Schemas } from './schemas.ts'

/** Id in the native dialect: an integer. */
export const NATIVE_ID: JsonSchema = { type: 'integer', description: 'Of the request; chosen by the client' }

/** Member of a request in either dialect. */
export const TRACEPARENT: JsonSchema = {
  type: 'string',
  description: 'The span that this request is a part of, as W3C Trace Context writes it; one that is malformed counts as none'
}

/** Origin of an event. */
export const ORIGIN = {
  sessionId: { type: 'string', description: 'The session it happened in' },
  runId: { type: 'string', description: 'The run it is a part of' },
  seq: { type: 'integer', minimum: 1, description: 'Its place in the run: starts at 1, has no gaps' },
  fromSeq: { type: 'integer', minimum: 1, description: 'Where several were merged into this one: the place of the first' }
}

export interface FrameSchemas {
  /** `data` as the method's event, or as one of several methods' events of that name. */
  event(name: string, data: TSchema | readonly TSchema[], id: JsonSchema): JsonSchema
  result(result: TSchema, id: JsonSchema): JsonSchema
  error(id: JsonSchema): JsonSchema
}

/** The frames a gateway sends in the native dialect, as schemas. `extensionEvents`: names of the events that have no place in a run. */
export function frameSchemas(schemas: Schemas, extensionEvents: ReadonlySet<string>): FrameSchemas {
  return {
    event(name, data, id) {
      const one = Array.isArray(data) ? (data as TSchema[]) : [data as TSchema]
      // Those that have no place in a run do without what says where.
      const required = extensionEvents.has(name) ? ['id', 'event', 'data'] : ['id', 'event', 'data', 'sessionId']
      const shapes = one.map((schema) => schemas.of(schema))
      return {
        type: 'object',
        required,
        properties: { id, event: { const: name }, data: shapes.length === 1 ? shapes[0] : { anyOf: shapes }, ...ORIGIN }
      }
    },
    result: (result, id) => ({ type: 'object', required: ['id', 'result'], properties: { id, result: schemas.of(result) } }),
    error: (id) => ({
      type: 'object',
      required: ['id', 'error'],
      properties: { id, error: schemas.of(Failure.properties.error) }
    })
  }
}
