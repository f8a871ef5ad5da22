import { Type } from '@sinclair/typebox'
import { named } from '../named.ts'

/** Body of every failed HTTP request. */
export const Failure = named(
  'Failure',
  Type.Object({
    error: Type.Object({
      code: Type.Integer({ description: "The specification's error code" }),
      message: Type.String(),
      data: Type.Optional(
        Type.Object(
          {
            retryable: Type.Optional(Type.Boolean()),
            retryAfterMs: Type.Optional(Type.Integer()),
            issues: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() })))
          },
          { additionalProperties: true }
        )
      )
    })
  })
)
