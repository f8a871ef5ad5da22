/** Views of one thing, of which one is shown. */
export function Tabs<T extends string>({
  label,
  tabs,
  value,
  onChange
}: {
  readonly label: string
  readonly tabs: readonly { readonly id: T; readonly title: string }[]
  readonly value: T
  readonly onChange: (id: T) => void
}) {
  return (
    <fieldset class="tabs">
      <legend class="unseen">{label}</legend>
      {tabs.map(({ id, title }) => (
        <button key={id} type="button" aria-pressed={id === value} onClick={() => onChange(id)}>
          {title}
        </button>
      ))}
    </fieldset>
  )
}
