/** A field of a form that a JSON Schema describes. */
export interface Field {
  readonly name: string
  readonly kind: 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'json'
  readonly required: boolean
  readonly hint: string
  /** Values to choose from; only of `choice`. */
  readonly choices: readonly string[]
}

/** Fields of an object's schema; undefined where only JSON will do. */
export function fieldsOf(schema: unknown): readonly Field[] | undefined {
  const { properties, required = [] } = (schema ?? {}) as { properties?: Record<string, unknown>; required?: readonly string[] }
  if (typeof properties !== 'object' || properties === null) return undefined
  return Object.entries(properties).map(([name, property]) => {
    const { type, enum: values, description } = (property ?? {}) as { type?: unknown; enum?: unknown; description?: unknown }
    const choices = Array.isArray(values) && values.every((value) => typeof value === 'string') ? (values as string[]) : []
    return {
      name,
      kind: choices.length > 0 ? 'choice' : kindOf(type),
      required: Array.isArray(required) && required.includes(name),
      hint: typeof description === 'string' ? description : '',
      choices
    }
  })
}

function kindOf(type: unknown): Field['kind'] {
  if (type === 'string') return 'text'
  return type === 'number' || type === 'integer' || type === 'boolean' ? type : 'json'
}

/**
 * The object that a filled form stands for. Empty fields that are not required are left out.
 * @throws SyntaxError that names the field whose JSON cannot be read
 */
export function valuesOf(fields: readonly Field[], text: (name: string) => string): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const { name, kind, required } of fields) {
    const given = text(name)
    if (given === '' && !(required && kind === 'text')) continue
    if (kind === 'text' || kind === 'choice') values[name] = given
    else if (kind === 'boolean') values[name] = given === 'true'
    else if (kind === 'number' || kind === 'integer') values[name] = Number(given)
    else values[name] = parsed(name, given)
  }
  return values
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SyntaxError(`${name} is not JSON: ${(error as Error).message}`)
  }
}
