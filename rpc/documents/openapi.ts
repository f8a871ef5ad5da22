import { type TSchema, Type } from '@sinclair/typebox'
import type { AnyMethod } from '../define.ts'
import { ERRORS } from '../errors.ts'
import { type Described, groupOf, LICENSE, type Shown } from './described.ts'
import { errorsOf } from './errors.ts'
import { frameSchemas } from './frames.ts'
import { refusalResponses, refusals } from './refusals.ts'
import { describeRoute, pathOf } from './route.ts'
import { Schemas } from './schemas.ts'
import { SECURITY_SCHEMES, security } from './security.ts'

const JSON_TYPE = 'application/json'
const NDJSON_TYPE = 'application/x-ndjson'

const DESCRIPTION = `Every method of the gateway at \`POST /rpc/<method>\`, with its params as the body, and the routes beside them. What the same methods
answer over the socket is in \`/asyncapi.json\` and \`/openrpc.json\`.

A request that fails answers \`{"error": {code, message, data}}\`, whatever failed it. With no token configured, direct requests from the
same machine need no credential; under \`server.auth_http: false\` reads need none either, and behind \`tailscale serve\` the identity can
take its place.`

/** OpenAPI 3.1 of every method and of every route that has a schema (https://spec.openapis.org/oas/v3.1.1). */
export function openapi({ version, methods, routes, mount }: Described): Record<string, unknown> {
  const schemas = new Schemas()
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = pathOf(route.path)
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, schemas) }
  }
  for (const method of methods) paths[`/rpc/${method.name}`] = { post: describeMethod(method, schemas) }
  const responses = refusalResponses(schemas)
  return {
    openapi: '3.1.1',
    info: { title: 'Flynn gateway', version, description: DESCRIPTION, license: { ...LICENSE, identifier: 'MIT' } },
    servers: [{ url: mount || '/', description: 'The gateway that serves this document' }],
    tags: tagsOf(paths),
    security: security('required'),
    paths,
    components: {
      schemas: schemas.components(),
      responses,
      securitySchemes: SECURITY_SCHEMES
    }
  }
}

/** A stream over HTTP carries no extension events. */
const NONE: ReadonlySet<string> = new Set()

function describeMethod(method: AnyMethod, schemas: Schemas): object {
  const { name, summary, scope, params, result, events, extension, examples = [] } = method
  const answer = Type.Object({ result: result as TSchema })
  const shown = (value: (example: Shown) => unknown) =>
    examples.length > 0
      ? { examples: Object.fromEntries(examples.map((one, index) => [`${name} ${index + 1}`, { value: value(one) }])) }
      : {}
  const frames = frameSchemas(schemas, NONE)
  return {
    operationId: name,
    summary,
    tags: [groupOf(name)],
    ...(scope === 'any' ? {} : { description: `Needs the scope \`${scope}\`.` }),
    security: security('required', scope === 'any' ? [] : [scope]),
    requestBody: {
      required: (params.required ?? []).length > 0,
      content: { [JSON_TYPE]: { schema: schemas.of(params), ...shown((example) => example.params) } }
    },
    responses: {
      200: {
        description: events
          ? `The result; under \`Accept: ${NDJSON_TYPE}\` the events as they come and then the result or error, one frame a line`
          : 'The result',
        content: {
          [JSON_TYPE]: { schema: schemas.of(answer), ...shown(({ result }) => ({ result })) },
          ...(events
            ? {
                [NDJSON_TYPE]: {
                  schema: {
                    description: 'One line. The id of each is null',
                    anyOf: [
                      ...Object.entries<TSchema>(events).map(([event, data]) => frames.event(event, data, { type: 'null' })),
                      frames.result(result, { type: 'null' }),
                      frames.error({ type: 'null' })
                    ]
                  }
                }
              }
            : {})
        }
      },
      ...refusals([400, 401, 403, 413, 415, 429, 500, 503, ...errorsOf(method).map((error) => ERRORS[error].http)])
    },
    'x-scope': scope,
    ...(extension ? { 'x-extension': true } : {})
  }
}

/** Tags of all operations, each with its methods or paths. */
function tagsOf(paths: Readonly<Record<string, Readonly<Record<string, object>>>>): object[] {
  const tagged = new Map<string, Set<string>>()
  for (const [path, operations] of Object.entries(paths)) {
    for (const { tags } of Object.values(operations) as { tags: readonly string[] }[]) {
      for (const name of tags) {
        const shown = tagged.get(name) ?? new Set()
        tagged.set(name, shown.add(path.startsWith(`/rpc/${name}.`) ? `${name}.*` : path))
      }
    }
  }
  return [...tagged].map(([name, shown]) => ({ name, description: [...shown].map((one) => `\`${one}\``).join(', ') }))
}
