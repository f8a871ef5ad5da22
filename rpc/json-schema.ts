import type { Issue } from './errors.ts'
import { parseJson } from './json.ts'

/** Part of Ajv's interface. */
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

/** Options of an engine for the schemas of strangers: lenient, quick to give up, and without their regular expressions. */
const ENGINE_OPTIONS = {
  strict: false,
  validateSchema: false,
  validateFormats: false,
  allErrors: false,
  inlineRefs: false,
  logger: false,
  // A pattern may block the event loop for ever. The owner of the schema checks it anyway.
  code: { regExp: Object.assign(() => ({ test: () => true }), { code: 'patterns are left to the owner of the schema' }) }
} as const

/** Loads Ajv, which the SDK of MCP brings. Lazily: most gateways check no schema of a stranger. */
export async function schemaEngine(): Promise<Engine> {
  const { Ajv } = await import('@modelcontextprotocol/client/validators/ajv')
  return new Ajv(ENGINE_OPTIONS)
}

/**
 * References may multiply with each level: with 40 of them, each item of a list can be a million checks. Beyond this number the check is
 * left to the owner of the schema.
 */
const MAX_REFS = 20
/** Characters of a name in an issue. */
const MAX_NAME = 40

export type Check = (args: unknown) => readonly Issue[]

/**
 * Checks arguments against the schema of an MCP server or a node, compiled at the first call. A schema that cannot be compiled checks
 * only that the arguments are an object: its owner checks them anyway.
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
    return (validate.errors ?? []).slice(0, 1).map(({ instancePath, keyword, message = 'is invalid', params }) => {
      const path = pathOf(instancePath)
      if (keyword === 'required') return { path: below(path, String(params.missingProperty)), message: 'is required' }
      if (keyword === 'additionalProperties') {
        return { path: below(path, String(params.additionalProperty)), message: 'is unknown' }
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
  // Without their ids: one engine serves all schemas of a list, and ids need not be unique.
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
