import type { AnyMethod } from '../define.ts'
import { ERRORS, type ErrorName } from '../errors.ts'

/** What every method may answer, because of what comes before its handler, or of what nobody foresaw. */
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
