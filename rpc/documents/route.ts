import type { TSchema } from '@sinclair/typebox'
import { Failure } from '../schemas/failure.ts'
import type { Route, RouteSchema } from './described.ts'
import { REFUSALS, refusals, type Status } from './refusals.ts'
import { type JsonSchema, plain, type Schemas } from './schemas.ts'
import { security } from './security.ts'

const JSON_TYPE = 'application/json'

/** A route as an operation of OpenAPI: what it says of itself, and what may become of any request. */
export function describeRoute({ method, path, auth, scopes, schema }: Route, schemas: Schemas): object {
  const { summary, description, operationId, deprecated, tags, consumes = [JSON_TYPE], body } = schema
  const parameters = parametersOf(path, schema)
  return {
    operationId: operationId ?? operationIdOf(method, path),
    ...(summary ? { summary } : {}),
    ...(description ? { description } : {}),
    ...(deprecated ? { deprecated } : {}),
    tags: tags ?? ['http'],
    security: schema.security ?? security(auth, scopes),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? {
          requestBody: {
            required: true,
            content: isContent(body)
              ? contentOf(body, schemas)
              : Object.fromEntries(consumes.map((type) => [type, { schema: schemas.of(body as TSchema) }]))
          }
        }
      : {}),
    responses: {
      ...responsesOf(schema.response, schemas),
      ...refusals([
        ...(auth === 'required' || auth === 'http' ? ([401, 403, 429] as const) : []),
        ...(auth === 'optional' || auth === 'socket' ? ([403, 429] as const) : []),
        ...(body ? ([400, 413, 415] as const) : auth === 'none' ? ([400] as const) : []),
        500,
        ...toldRefusals(schema.response)
      ])
    }
  }
}

/** `/webhooks/:name` → `/webhooks/{name}`. */
export function pathOf(path: string): string {
  return path.replace(/:(\w+)(?:\([^)]*\))?\??/g, '{$1}').replace(/\*$/, '{*}')
}

/** `get /api/health` → `get.api.health`: names of methods have no room for it, `.` stands for what no identifier may hold. */
function operationIdOf(method: string, path: string): string {
  return [method.toLowerCase(), ...path.split(/[^A-Za-z0-9]+/).filter((part) => part !== '')].join('.')
}

function parametersOf(path: string, { params, querystring, headers }: RouteSchema): object[] {
  const inPath = objectOf(params)
  const names = [...pathOf(path).matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!)
  return [
    ...names.map((name) => ({
      name,
      in: 'path',
      required: true,
      ...documented(inPath.properties[name] ?? { type: 'string' })
    })),
    ...Object.entries({ query: objectOf(querystring), header: objectOf(headers) }).flatMap(([place, { properties, required }]) =>
      Object.entries(properties).map(([name, schema]) => ({
        name,
        in: place,
        ...(required.includes(name) ? { required: true } : {}),
        ...documented(schema)
      }))
    )
  ]
}

function documented({ description, ...schema }: JsonSchema): object {
  return { ...(description ? { description } : {}), schema }
}

/** The members of an object's schema. Fastify takes those members alone, too. */
function objectOf(schema: unknown): { properties: Record<string, JsonSchema>; required: readonly string[] } {
  if (typeof schema !== 'object' || schema === null) return { properties: {}, required: [] }
  const { properties = {}, required = [] } = plain('properties' in schema ? schema : { properties: schema })
  return { properties: properties as Record<string, JsonSchema>, required: required as string[] }
}

/** The refusals a route says it answers itself, each under a status of its own. */
function toldRefusals(response: unknown): Status[] {
  return Object.entries((response ?? {}) as Record<string, JsonSchema>)
    .filter(([status, schema]) => status in REFUSALS && isFailure(schema))
    .map(([status]) => Number(status) as Status)
}

function isFailure(schema: JsonSchema): boolean {
  return JSON.stringify(schema) === JSON.stringify(Failure)
}

/** Responses that a route declares, without its refusals. */
function responsesOf(response: unknown, schemas: Schemas): Record<string, object> {
  const told = Object.entries((response ?? {}) as Record<string, JsonSchema>).filter(([, schema]) => !isFailure(schema))
  if (!told.some(([status]) => /^[23]/.test(status))) told.unshift(['2xx', { description: 'Done' }])
  return Object.fromEntries(
    told.map(([status, schema]) => [status.toUpperCase().replace(/^DEFAULT$/, 'default'), answer(schema, schemas)])
  )
}

function answer(schema: JsonSchema, schemas: Schemas): object {
  const description = typeof schema.description === 'string' ? schema.description : 'Done'
  if (isContent(schema)) return { description, content: contentOf(schema, schemas) }
  const isEmpty = schema.type === 'null' || Object.keys(schema).every((keyword) => keyword === 'description')
  return { description, ...(isEmpty ? {} : { content: { [JSON_TYPE]: { schema: schemas.of(schema as TSchema) } } }) }
}

interface Content {
  readonly content: Readonly<Record<string, { readonly schema: TSchema }>>
}

/** Fastify lets a body and an answer have one schema a media type. */
function isContent(schema: unknown): schema is Content {
  return typeof schema === 'object' && schema !== null && typeof (schema as { content?: unknown }).content === 'object'
}

function contentOf({ content }: Content, schemas: Schemas): object {
  return Object.fromEntries(Object.entries(content).map(([type, { schema }]) => [type, { schema: schemas.of(schema) }]))
}
