import { Shape } from './chip.tsx'

/** An error, in the gateway's own words. */
export function Failure({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  return (
    <div class="card failure" role="alert">
      <p>
        <Shape tone="bad" /> {error.message}
      </p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}
