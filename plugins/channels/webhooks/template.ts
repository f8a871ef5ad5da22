/** `{{body.commits.0.message}}`: a path of own members. */
const FIELD = /\{\{\s*([^{}]{1,200}?)\s*\}\}/g

/**
 * A template with its fields filled in, once: what is filled in is not looked at again. A text stands as it is, anything else as JSON, and what
 * is not there as nothing.
 */
export function fill(template: string, values: object): string {
  return template.replace(FIELD, (_field, path: string) => shown(at(values, path.split('.'))))
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (holder, key) =>
      typeof holder === 'object' && holder !== null && Object.hasOwn(holder, key) ? holder[key as never] : undefined,
    value
  )
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
}
