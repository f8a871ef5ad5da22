/** A line drawing on a grid of 24, by its path. It says nothing to a screen reader: a word stands beside it. */
export function Icon({ path }: { readonly path: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  )
}
