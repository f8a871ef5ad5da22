import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { JsonField } from './form.tsx'
import { revealed } from './format.ts'
import { type Draft, draftOf, emptyDraft, type Field, fits, formOf, join, type Problem, valueIn } from './schema-form.ts'
import { Tabs } from './tabs.tsx'

/** Longer texts get more than one line. */
const LONG = 4096

const VIEWS = [
  { id: 'form', title: 'Form' },
  { id: 'json', title: 'JSON' }
] as const

/** State of a form, as `SchemaForm` shows it. */
export interface FormState {
  readonly form: Field | undefined
  readonly json: boolean
  readonly draft: Draft
  readonly text: string
  readonly problems: readonly Problem[]
  /** Counts refusals: each moves the focus to the first problem. */
  readonly refused: number
  /** Changes what stands in the inputs. */
  edit(draft: Draft): void
  write(text: string): void
  /** Shows the form or the JSON. Values that the form cannot show stay JSON. */
  show(view: 'form' | 'json'): void
  /** Puts a value into the form. */
  fill(value: object): void
  /** The value; undefined where a field has a problem, which is then shown. */
  submit(): Record<string, unknown> | undefined
  /** The value as far as it can be read, for copying. */
  peek(): Record<string, unknown>
  /** Shows problems that the gateway found: `issues` of its error, below `root`. */
  refuse(error: unknown, root: string): void
}

interface FormOptions {
  /** Document that `$ref` of the schema points into. Default: the schema. */
  readonly root?: unknown
  /** Value to begin with. Default: the defaults of required fields. */
  readonly value?: object | undefined
}

type Kept = Pick<FormState, 'json' | 'draft' | 'text' | 'problems' | 'refused'>

/** State of a form that a schema describes. Values stay when the view changes. */
export function useSchemaForm(schema: unknown, { root, value }: FormOptions = {}): FormState {
  const [form] = useState(() => formOf(schema, root))
  const filled = (given: object): Kept => ({
    json: !form || !fits(form, given),
    draft: form ? draftOf(form, given) : '',
    text: JSON.stringify(given, null, 2),
    problems: [],
    refused: 0
  })
  const [state, set] = useState<Kept>(() =>
    value || !form ? filled(value ?? {}) : { json: false, draft: emptyDraft(form), text: '{}', problems: [], refused: 0 }
  )
  const read = (): { readonly value: unknown; readonly problems: readonly Problem[] } => {
    if (form && !state.json) return valueIn(form, state.draft)
    try {
      const value: unknown = JSON.parse(state.text.trim() || '{}')
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { value, problems: [] }
      return { value: {}, problems: [{ path: '', message: 'It must be a JSON object.' }] }
    } catch (error) {
      return { value: {}, problems: [{ path: '', message: `This is no JSON: ${(error as Error).message}` }] }
    }
  }
  const refuse = (problems: readonly Problem[]): void => set((last) => ({ ...last, problems, refused: last.refused + 1 }))
  return {
    ...state,
    form,
    edit: (draft) => set((last) => ({ ...last, draft })),
    write: (text) => set((last) => ({ ...last, text })),
    show: (view) => {
      const { value, problems } = read()
      if (view === 'json') set({ ...state, json: true, text: JSON.stringify(value, null, 2), problems: [] })
      else if (problems.length > 0) refuse(problems)
      else if (form && fits(form, value)) set({ ...state, json: false, draft: draftOf(form, value), problems: [] })
      else refuse([{ path: '', message: 'The form cannot show these values; they stay as JSON.' }])
    },
    fill: (value) => set(filled(value)),
    submit: () => {
      const { value, problems } = read()
      if (problems.length > 0) refuse(problems)
      else set((last) => ({ ...last, problems }))
      return problems.length > 0 ? undefined : (value as Record<string, unknown>)
    },
    peek: () => read().value as Record<string, unknown>,
    refuse: (error, root) => {
      const { issues = [] } = ((error as { data?: unknown }).data ?? {}) as { issues?: readonly Problem[] }
      const below = issues.filter(({ path }) => path.startsWith(`${root}.`))
      if (below.length > 0) refuse(below.map(({ path, message }) => ({ path: path.slice(root.length + 1), message })))
    }
  }
}

/** A form from a JSON Schema, with JSON as its other view. */
export function SchemaForm({ form: state, label }: { readonly form: FormState; readonly label: string }) {
  const { form, json, draft, text, problems, refused } = state
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (refused > 0) place.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [refused])
  const of = (path: string): string | undefined => problems.find((one) => one.path === path)?.message
  return (
    <div ref={place} class="form">
      {form && <Tabs label={`${label} are written in`} tabs={VIEWS} value={json ? 'json' : 'form'} onChange={state.show} />}
      {json || form?.kind !== 'object' ? (
        <JsonField
          label={`${label} as JSON`}
          value={text}
          onChange={state.write}
          problem={
            problems.length === 0 ? undefined : problems.map(({ path, message }) => `${path} ${message}`.trim()).join('; ')
          }
        />
      ) : form.fields.length === 0 ? (
        <p class="muted">{`${label}: none`}</p>
      ) : (
        <Fields fields={form.fields} path="" draft={draft} problem={of} onChange={state.edit} />
      )}
    </div>
  )
}

interface InputProps<D = Draft> {
  readonly path: string
  readonly draft: D
  readonly problem: (path: string) => string | undefined
  readonly onChange: (draft: Draft) => void
}

function Fields({ fields, draft, path, problem, onChange }: InputProps & { readonly fields: readonly Field[] }) {
  const drafts = draft as Readonly<Record<string, Draft>>
  return fields.map((field) => (
    <Input
      key={field.name}
      field={field}
      path={join(path, field.name)}
      draft={drafts[field.name] ?? ''}
      problem={problem}
      onChange={(value) => onChange({ ...drafts, [field.name]: value })}
    />
  ))
}

function Input({ field, ...props }: InputProps & { readonly field: Field }) {
  const { path, problem } = props
  const title = `${revealed(field.name)}${field.required ? '' : ' (optional)'}${field.kind === 'json' ? ', as JSON' : ''}`
  const own = problem(path)
  if (field.kind === 'object' || field.kind === 'list') {
    return (
      <fieldset class="group">
        <legend>{title}</legend>
        {field.hint && <span class="muted">{revealed(field.hint)}</span>}
        {field.kind === 'object' ? <Fields fields={field.fields} {...props} /> : <Entries field={field} {...props} />}
        {own && (
          <span class="bad" role="alert">
            {own}
          </span>
        )}
      </fieldset>
    )
  }
  return <Single field={field} title={title} {...props} />
}

/** Inputs of a list, one for each entry. */
function Entries({ field, path, draft, problem, onChange }: InputProps & { readonly field: Field & { readonly kind: 'list' } }) {
  const drafts = draft as readonly Draft[]
  return (
    <>
      {drafts.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an entry is its place
        <div key={at} class="entry">
          <Single
            field={{ ...field.item, hint: '' }}
            title={`${revealed(field.name)} ${at + 1}`}
            path={`${path}[${at}]`}
            draft={one}
            problem={problem}
            onChange={(value) => onChange(drafts.map((old, place) => (place === at ? value : old)))}
          />
          <button
            type="button"
            aria-label={`Remove ${field.name} ${at + 1}`}
            onClick={() => onChange(drafts.filter((_, place) => place !== at))}
          >
            Remove
          </button>
        </div>
      ))}
      <button type="button" onClick={() => onChange([...drafts, emptyDraft(field.item)])}>
        {`Add ${drafts.length === 0 ? 'an entry' : 'another'}`}
        <span class="unseen">{` of ${field.name}`}</span>
      </button>
    </>
  )
}

/** One input, with its name, explanation and problem. */
function Single({
  field,
  title,
  path,
  draft,
  problem,
  onChange
}: InputProps & { readonly field: Field; readonly title: string }) {
  const id = useId()
  const own = problem(path)
  const value = typeof draft === 'string' ? draft : ''
  const described = [field.hint && `${id}-hint`, own && `${id}-problem`].filter(Boolean).join(' ')
  const { initial: usual } = field
  const initial = usual === undefined ? '' : typeof usual === 'string' ? usual : JSON.stringify(usual)
  const shared = {
    id,
    value,
    'aria-required': field.required,
    'aria-invalid': own !== undefined,
    'aria-describedby': described === '' ? undefined : described,
    onInput: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value)
  }
  const choices = field.kind === 'boolean' ? [true, false] : field.kind === 'choice' ? field.choices : undefined
  return (
    <div class="field">
      <label for={id}>{title}</label>
      {choices ? (
        <select {...shared}>
          <option value="">{initial === '' ? '–' : `– (default: ${revealed(initial)})`}</option>
          {choices.map((choice) => (
            <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
              {revealed(typeof choice === 'string' ? choice : JSON.stringify(choice))}
            </option>
          ))}
        </select>
      ) : field.kind === 'json' ? (
        <textarea rows={3} class="code" spellcheck={false} {...shared} />
      ) : field.kind === 'number' ? (
        <input type="number" step={field.integer ? 1 : 'any'} placeholder={initial} {...shared} />
      ) : (field.most ?? LONG + 1) > LONG || value.includes('\n') ? (
        <textarea rows={1} class="grows" placeholder={initial} {...shared} />
      ) : (
        <input type="text" placeholder={initial} {...shared} />
      )}
      {field.hint && (
        <span id={`${id}-hint`} class="muted">
          {revealed(field.hint)}
        </span>
      )}
      {own && (
        <span id={`${id}-problem`} class="bad">
          {own}
        </span>
      )}
    </div>
  )
}
