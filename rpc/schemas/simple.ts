import { Type } from '@sinclair/typebox'

/** Params of a method that takes none. */
export const NoParams = Type.Object({}, { additionalProperties: false })

/** Result of a method that only acknowledges. */
export const Success = Type.Object({ success: Type.Boolean() })
