import type { TSchema } from '@sinclair/typebox'
import type { AnyMethod } from '../../rpc/define.ts'
import type { Shown } from '../../rpc/documents/described.ts'
import { COMMON_ERRORS, errorsOf } from '../../rpc/documents/errors.ts'
import type { JsonSchema, Schemas } from '../../rpc/documents/schemas.ts'
import { code, json, link, paragraphs, table } from './markdown.ts'
import { shape, typeOf } from './shapes.ts'

/** Ending of an extension's summary. The document marks extensions separately. */
const MARK = ' (extension)'

function summaryOf({ summary }: AnyMethod): string {
  return summary.endsWith(MARK) ? summary.slice(0, -MARK.length) : summary
}

/** Every method on one line. */
export function methodTable(methods: readonly AnyMethod[]): string {
  return table(
    ['method', 'scope', 'what it does'],
    methods.map((method) => [
      link(method.name, code(method.name)),
      code(method.scope),
      `${summaryOf(method)}${method.extension ? ' *(extension)*' : ''}`
    ])
  )
}

/** Everything about one method. */
export function methodText(method: AnyMethod, schemas: Schemas): string {
  const { name, scope, params, result, events = {}, examples = [], extension } = method
  const special = errorsOf(method).filter((error) => !(COMMON_ERRORS as readonly string[]).includes(error))
  const needs = scope === 'any' ? 'Any accepted credential may call it.' : `Needs the scope ${code(scope)}.`
  return paragraphs(
    `### ${name}`,
    `${summaryOf(method)}. ${needs}${extension ? ' An extension.' : ''}`,
    `**Params**${withShape(params, schemas, 'none')}`,
    `**Result**${withShape(result, schemas, 'an empty object')}`,
    Object.keys(events).length > 0 && `**Events** ${eventLinks(Object.keys(events))}`,
    special.length > 0 &&
      `**Errors** ${special.map((error) => link('Errors', code(error))).join(', ')}, and those of every method`,
    ...examples.map(({ params, result }: Shown) => json({ id: 1, method: name, params }, { id: 1, result }))
  )
}

/** Shape of params, a result or an event, written out. Named schemas inside become links. */
function withShape(schema: TSchema, schemas: Schemas, none: string): string {
  const described = schemas.inside(schema)
  if (refersOnly(described)) return `: ${typeOf(described)}`
  const hasMembers = Object.keys((described.properties ?? {}) as object).length > 0
  if (described.type === 'object' && !hasMembers)
    return `: ${typeof described.description === 'string' ? described.description : none}`
  return `\n\n${shape(described)}`
}

function refersOnly({ anyOf }: JsonSchema): boolean {
  return Array.isArray(anyOf) && anyOf.every((option: JsonSchema) => '$ref' in option)
}

function eventLinks(names: readonly string[]): string {
  return names.map((name) => link(`Event ${name}`, code(name))).join(', ')
}

/** Everything about one event, of which methods may give several shapes. */
export function eventText(name: string, data: readonly TSchema[], by: readonly string[], schemas: Schemas): string {
  const when = by.length > 0 ? `While these run: ${by.map((method) => link(method, code(method))).join(', ')}.` : ''
  return paragraphs(
    `### Event ${name}`,
    by.length > 0 ? when : `An extension event: ask for it with ${link('system.hello', code('system.hello'))}.`,
    `**Data**${data.map((schema) => withShape(schema, schemas, 'an empty object')).join('\n\nor')}`
  )
}
