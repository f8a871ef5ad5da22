export interface FilterProps {
  readonly label: string
  readonly value: string
  readonly placeholder: string
  readonly onChange: (value: string) => void
}

/** The line in which a filter is written. */
export function FilterBar({ label, value, placeholder, onChange }: FilterProps) {
  return (
    <input
      type="search"
      class="filter"
      aria-label={label}
      placeholder={placeholder}
      value={value}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  )
}
