import type { GatewayMethods } from '../../../rpc/client/index.ts'
import { type Filter, fieldOf } from '../../ui/filter.ts'

type Params = GatewayMethods['sessions.list']['params']

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }
const STATUSES = ['running', 'waiting', 'idle'] as const

/** Fields that the filter of the sessions knows, as the page names them. */
export const FIELDS =
  'frontend:, status:running|waiting|idle, archived:yes|no|all, pinned:yes|no, updated:7d (within), -updated:7d (before)'

/**
 * Parameters of sessions.list for a filter. Times count from the full minute before `now`, so that the same filter asks the same question
 * for a minute.
 * @returns `problems`: fields that the gateway cannot filter by, as written
 */
export function listParams(filter: Filter, now: number): { readonly params: Params; readonly problems: readonly string[] } {
  const problems: string[] = []
  const status = fieldOf(filter, 'status')
  const archived = fieldOf(filter, 'archived') ?? 'no'
  const pinned = fieldOf(filter, 'pinned')
  let updatedAfter: number | undefined
  let updatedBefore: number | undefined
  for (const { name, value, not } of filter.fields) {
    const written = `${not ? '-' : ''}${name}:${value}`
    const [, count, unit] = /^(\d{1,4})([mhd])$/.exec(value) ?? []
    if (name === 'updated' && count && unit) {
      const at = Math.floor(now / 60_000) * 60_000 - Number(count) * UNITS[unit]!
      if (not) updatedBefore = at
      else updatedAfter = at
    } else if (
      not ||
      (name === 'status' && !STATUSES.some((one) => one === value)) ||
      (name === 'archived' && !['yes', 'no', 'all'].includes(value)) ||
      (name === 'pinned' && !['yes', 'no'].includes(value)) ||
      !['frontend', 'status', 'archived', 'pinned'].includes(name)
    )
      problems.push(written)
  }
  return {
    params: {
      includePersisted: true,
      frontend: fieldOf(filter, 'frontend'),
      status: STATUSES.find((one) => one === status),
      archived: archived === 'all' ? undefined : archived === 'yes',
      pinned: pinned === undefined ? undefined : pinned === 'yes',
      updatedAfter,
      updatedBefore,
      text: filter.text || undefined
    },
    problems
  }
}
