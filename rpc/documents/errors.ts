import type { AnyMethod } from '../define.ts'
import { ERRORS, type ErrorName } from '../errors.ts'

/** Errors that every method may return: from the steps before its handler, or unexpected ones. */
export const COMMON_ERRORS = [
  'ParseError',
  'InvalidRequest',
  'AuthRequired',
  'AuthFailed',
  'AgentBusy',
  'InternalError'
] as const satisfies ErrorName[]

/** The errors a method may answer, in the order of the table. */
export function errorsOf({ errors = [] }: AnyMethod): ErrorName[] {
  const possible = new Set<string>([...COMMON_ERRORS, ...errors])
  return (Object.keys(ERRORS) as ErrorName[]).filter((name) => possible.has(name))
}
