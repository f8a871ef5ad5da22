import assert from 'node:assert/strict'
import { Ajv } from 'ajv'
import type { Frame } from '../helper.ts'

/** A check of values by one schema of a document, its references followed. Strict: what is no JSON Schema is an error. */
export function checkerOf(document: Frame): (schema: Frame) => (value: unknown) => string | undefined {
  const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false, allErrors: true, keywords: ['components'] })
  return (schema) => {
    const validate = ajv.compile({ ...schema, components: document.components })
    return (value) => (validate(value) ? undefined : `${JSON.stringify(validate.errors)} in ${JSON.stringify(value)}`)
  }
}

/** What a reference of a document points at. */
export function target(document: Frame, $ref: string): Frame {
  const found = $ref
    .slice('#/'.length)
    .split('/')
    .reduce<Frame | undefined>((place, key) => place?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)
  assert.ok(found, `${$ref} points at nothing`)
  return found
}

/** Every `$ref` in a document. */
export function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' ? [inner as string] : references(inner)))
}
