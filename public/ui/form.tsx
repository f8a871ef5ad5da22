import { useId } from 'preact/hooks'

/** The reason for which a form was refused. */
export function Problem({ text }: { readonly text: string | undefined }) {
  if (!text) return null
  return (
    <p class="bad" role="alert">
      {text}
    </p>
  )
}

/** The two buttons at the end of a form in a dialog. */
export function Buttons({
  action,
  busy,
  onCancel
}: {
  readonly action: string
  readonly busy: boolean
  readonly onCancel: () => void
}) {
  return (
    <p class="actions">
      <button type="button" onClick={onCancel}>
        Cancel
      </button>
      <button type="submit" class="primary" disabled={busy}>
        {action}
      </button>
    </p>
  )
}

/** A field for JSON, as text. */
export function JsonField({
  label,
  value,
  onChange,
  problem
}: {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly problem?: string | undefined
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={9}
        class="code"
        spellcheck={false}
        value={value}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {problem && (
        <span id={`${id}-problem`} class="bad">
          {problem}
        </span>
      )}
    </div>
  )
}
