import { Failure } from '../schemas/failure.ts'
import type { Schemas } from './schemas.ts'

/** Refusals over HTTP, by status. */
export const REFUSALS = {
  400: { name: 'BadRequest', description: 'The body or its params are wrong (-1, -2): `data.issues` names each problem' },
  401: { name: 'Unauthorized', description: 'No credential was given (-4), or a wrong one (-5)', header: 'WWW-Authenticate' },
  403: {
    name: 'Forbidden',
    description: 'The credential lacks the scope of the method, or the request comes from a page of another site (-5)'
  },
  404: { name: 'NotFound', description: 'There is no such session (1), tool (2) or method (-3)' },
  409: { name: 'Conflict', description: 'It was cancelled (4), or a newer message took its place (3)' },
  413: { name: 'ContentTooLarge', description: 'The body is too large (-2)' },
  415: { name: 'UnsupportedMediaType', description: 'The body is of a type that is not read here (-2)' },
  429: {
    name: 'TooManyRequests',
    description: 'Too much is under way or waits (3), or the address is locked out after wrong credentials (-5)',
    header: 'Retry-After'
  },
  500: {
    name: 'InternalServerError',
    description: 'The model failed, the run took too long, or an unexpected error occurred (5)'
  },
  503: {
    name: 'ServiceUnavailable',
    description: 'The gateway shuts down, or a feature is not configured',
    header: 'Retry-After'
  }
} as const satisfies Record<number, { name: string; description: string; header?: string }>

export type Status = keyof typeof REFUSALS

const HEADERS: Record<string, object> = {
  'WWW-Authenticate': { description: 'How to authenticate', schema: { type: 'string', enum: ['Bearer'] } },
  'Retry-After': { description: 'Seconds to wait, where that is known', schema: { type: 'integer', minimum: 0 } }
}

/** The answers of a request that is refused, by reference. */
export function refusals(statuses: readonly Status[]): Record<string, object> {
  return Object.fromEntries(
    statuses.map((status) => [status, { $ref: `#/components/responses/${REFUSALS[status].name}` }] as const)
  )
}

/** Responses that `refusals` refers to: one for each status, with the error envelope. */
export function refusalResponses(schemas: Schemas): Record<string, object> {
  const content = { 'application/json': { schema: schemas.of(Failure) } }
  const all = Object.values<{ name: string; description: string; header?: string }>(REFUSALS)
  return Object.fromEntries(
    all.map(({ name, description, header }) => [
      name,
      { description, ...(header ? { headers: { [header]: HEADERS[header] } } : {}), content }
    ])
  )
}
