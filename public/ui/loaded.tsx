import type { ComponentChildren } from 'preact'
import type { Query } from '../app/query.ts'
import { Failure } from './failure.tsx'
import { Time } from './time.tsx'

/**
 * The answer of a query. The last one stays on the page while the gateway is away, labelled with its age; a failure never blanks it.
 */
export function Loaded<T>({ query, children }: { readonly query: Query<T>; readonly children: (data: T) => ComponentChildren }) {
  const { data, error, at, refresh } = query
  return (
    <>
      {error && <Failure error={error} retry={refresh} />}
      {error && data !== undefined && (
        <p class="muted">
          This is what the gateway said <Time at={at} />.
        </p>
      )}
      {data !== undefined ? children(data) : error ? null : <p class="muted">Loading …</p>}
    </>
  )
}
