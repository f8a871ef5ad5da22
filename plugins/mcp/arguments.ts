import type { Issue } from '../../rpc/errors.ts'
import { parseJson } from '../../rpc/json.ts'

/** The part of Ajv that is needed; the SDK brings it. */
export interface Engine {
  compile(schema: object): {
    (value: unknown): unknown
    errors?:
      | readonly {
          readonly instancePath: string
          readonly keyword: string
          readonly message?: string
          readonly params: Readonly<Record<string, unknown>>
        }[]
      | null
  }
}

/** How an engine for schemas of others has to be: lenient, quick to give up, and without their regular expressions. */
export const ENGINE_OPTIONS = {
  strict: false,
  validateSchema: false,
  validateFormats: false,
  allErrors: false,
  inlineRefs: false,
  logger: false,
  // A pattern may take for ever, on the one thread there is. The server checks it for itself.
  code: { regExp: Object.assign(() => ({ test: () => true }), { code: 'patterns are left to the server' }) }
} as const

/**
 * References may multiply with each level: of 40 of them, each item of a list can be a million checks. With more than these the check is left
 * to the server.
 */
const MAX_REFS = 20
/** Characters of a name that are shown. */
const MAX_NAME = 40

export type Check = (args: unknown) => readonly Issue[]

/**
 * Checks arguments against a server's own schema, compiled at the first call. A schema that cannot be compiled checks
 * nothing but that the arguments are an object: the server looks at them again anyway.
 */
export function checkOf(schema: Readonly<Record<string, unknown>>, engine: Engine): Check {
  let validate: ReturnType<Engine['compile']> | undefined
  let compiled = false
  return (args) => {
    if (typeof args !== 'object' || args === null || Array.isArray(args)) return [{ path: 'args', message: 'must be an object' }]
    if (!compiled) {
      compiled = true
      validate = compile(schema, engine)
    }
    try {
      if (!validate || validate(args)) return []
    } catch {
      // A schema that refers to itself without end.
      return []
    }
    return (validate.errors ?? []).slice(0, 1).map(({ instancePath, keyword, message = 'is wrong', params }) => {
      const path = pathOf(instancePath)
      if (keyword === 'required') return { path: below(path, String(params.missingProperty)), message: 'is required' }
      if (keyword === 'additionalProperties') {
        return { path: below(path, String(params.additionalProperty)), message: 'is not known' }
      }
      if (keyword === 'enum' && Array.isArray(params.allowedValues)) {
        return {
          path,
          message: `must be one of ${cut(params.allowedValues.map((value) => JSON.stringify(value)).join(', '), 300)}`
        }
      }
      return { path, message: cut(message, 300) }
    })
  }
}

function compile(schema: Readonly<Record<string, unknown>>, engine: Engine): ReturnType<Engine['compile']> | undefined {
  const text = JSON.stringify(schema)
  if (text.split('"$ref"').length - 1 > MAX_REFS) return undefined
  // Not by their ids: one engine serves all schemas of a list, and ids need not be unique.
  const { $schema: _, $id: __, ...rest } = parseJson(text) as Record<string, unknown>
  try {
    return engine.compile(rest)
  } catch {
    return undefined
  }
}

/** `/attachments/0/data` → `args.attachments[0].data`. */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(below, 'args')
}

function below(path: string, part: string): string {
  return /^\d+$/.test(part) ? `${path}[${part}]` : `${path}.${cut(part, MAX_NAME)}`
}

function cut(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text
}
