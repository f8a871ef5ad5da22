import type { TSchema } from '@sinclair/typebox'
import fastJson from 'fast-json-stringify'
import type { AnyMethod, AroundCall, Caller, Context, EventDefinition, Requirement } from './define.ts'
import { invalidParams, RpcError } from './errors.ts'
import { compile, type Validate } from './validate.ts'

/** Tells if a caller meets a requirement. `admin` meets every one, `any` needs a credential only. */
export function allows(caller: Caller, requirement: Requirement): boolean {
  return requirement === 'any' || caller.scopes.has(requirement) || caller.scopes.has('admin')
}

/** -5. `name`: the method or command that was called. */
export function denied(name: string, requirement: Requirement): RpcError {
  return new RpcError('AuthFailed', `${name} needs the scope '${requirement}', which this credential does not have`, {
    statusCode: 403
  })
}

interface Entry<App> {
  readonly method: AnyMethod<App>
  readonly validate: Validate<Record<string, unknown>>
  /** A result as JSON text. */
  readonly encode: (result: unknown) => string
}

/** A name of the specification's form: `agent.send`, `node.push_token.set`. */
const NAME = /^[a-z][a-z0-9]*(\.[a-z][A-Za-z0-9_]*)+$/

/** A word, or several with dots: `canvas`, `weather.changed`. */
const EVENT_NAME = /^[a-z][A-Za-z0-9_]*(\.[a-z][A-Za-z0-9_]*)*$/

/**
 * Methods and extension events of an application, by name. A call goes: look up → authorise → validate → run. Authorising comes
 * first, so that a caller without the scope learns nothing about the params.
 */
export class Registry<App = unknown> {
  readonly #entries = new Map<string, Entry<App>>()
  readonly #events = new Map<string, EventDefinition>()
  readonly #listeners: ((method: AnyMethod<App>) => void)[] = []
  readonly #around: AroundCall<App>

  /** @param around wraps every call */
  constructor(around: AroundCall<App> = (_method, _ctx, run) => run()) {
    this.#around = around
  }

  /** Calls `listener` for every method, those already registered included: an HTTP server makes routes of them. */
  onMethod(listener: (method: AnyMethod<App>) => void): void {
    this.#listeners.push(listener)
    for (const { method } of this.#entries.values()) listener(method)
  }

  /**
   * Adds a method.
   * @throws Error for a name that is taken or malformed, or params that allow unknown members; it stops the start
   */
  method(method: AnyMethod<App>): void {
    const { name, params, result } = method
    if (!NAME.test(name)) throw new Error(`method '${name}': a name looks like 'group.verb'`)
    if (this.#entries.has(name)) throw new Error(`method '${name}' is already registered`)
    if (params.additionalProperties !== false) throw new Error(`method '${name}': params need additionalProperties: false`)
    for (const listener of this.#listeners) listener(method)
    this.#entries.set(name, {
      method,
      validate: once(() => withSessionAlias(method, compile(params))),
      encode: once(() => fastJson(result))
    })
  }

  /**
   * Adds an extension event, which `system.hello` can ask for.
   * @throws Error for a name that is taken or malformed; it stops the start
   */
  event(name: string, data: TSchema, { scope = 'any' }: { readonly scope?: Requirement } = {}): void {
    if (!EVENT_NAME.test(name)) throw new Error(`event '${name}': a name looks like 'thing' or 'group.thing'`)
    if (this.#events.has(name)) throw new Error(`event '${name}' is already registered`)
    this.#events.set(name, { name, data, scope })
  }

  /** Extension events, sorted by name. */
  events(): EventDefinition[] {
    return [...this.#events.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  /** Names of those extension events among `names` that exist and that `caller` may receive. */
  grantedEvents(names: readonly string[], caller: Caller): string[] {
    return names.filter((name) => {
      const event = this.#events.get(name)
      return event !== undefined && allows(caller, event.scope)
    })
  }

  get(name: string): AnyMethod<App> | undefined {
    return this.#entries.get(name)?.method
  }

  list(): AnyMethod<App>[] {
    return Array.from(this.#entries.values(), ({ method }) => method)
  }

  /**
   * Runs one call. A method that works synchronously answers synchronously: no turn of the event loop is lost on it.
   * @throws RpcError MethodNotFound, AuthFailed (scope), InvalidRequest (params), or whatever the method throws
   */
  call(name: string, params: unknown, ctx: Context<App>): unknown {
    return this.#around(this.#entries.get(name)?.method, ctx, () => {
      const { method, validate } = this.#entry(name)
      if (!allows(ctx.caller, method.scope)) throw denied(name, method.scope)
      // Clients of JSON-RPC 2.0 send an empty array where there are no params.
      const isEmpty = Array.isArray(params) && params.length === 0
      const checked = validate(isEmpty ? {} : (params ?? {}))
      if ('issues' in checked) throw invalidParams(checked.issues)
      return method.handler(checked.value, ctx)
    })
  }

  /** The JSON text of a method's result, by its result schema. */
  encode(name: string, result: unknown): string {
    return this.#entry(name).encode(result)
  }

  #entry(name: string): Entry<App> {
    const entry = this.#entries.get(name)
    if (!entry) throw unknownMethod(name)
    return entry
  }
}

/** -3. The name comes from the client, so it is quoted and cut. */
function unknownMethod(name: string): RpcError {
  return new RpcError('MethodNotFound', `Unknown method: ${JSON.stringify(name.slice(0, 100))}`)
}

/** Compiles lazily to keep startup fast. */
function once<A extends unknown[], R>(make: () => (...args: A) => R): (...args: A) => R {
  let made: ((...args: A) => R) | undefined
  return (...args) => {
    made ??= make()
    return made(...args)
  }
}

/** The specification writes the session's param both ways; `session` is the alias. */
function withSessionAlias({ params }: AnyMethod, validate: Validate<Record<string, unknown>>): Validate<Record<string, unknown>> {
  const known = params.properties as Record<string, unknown>
  if (!('sessionId' in known) || 'session' in known) return validate
  return (input) => {
    if (typeof input !== 'object' || input === null || !('session' in input)) return validate(input)
    const { session, ...rest } = input as Record<string, unknown>
    if ('sessionId' in rest && rest.sessionId !== session) {
      return { issues: [{ path: 'params.session', message: 'is an alias of params.sessionId; the two differ' }] }
    }
    return validate({ ...rest, sessionId: session })
  }
}
