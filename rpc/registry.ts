import fastJson from 'fast-json-stringify'
import type { AnyMethod, AroundCall, Caller, Context, Requirement } from './define.ts'
import { invalidParams, RpcError } from './errors.ts'
import { compile, type Validate } from './validate.ts'

/** Whether a caller may do what `requirement` names: `admin` may do everything, `any` asks for a credential only. */
export function allows(caller: Caller, requirement: Requirement): boolean {
  return requirement === 'any' || caller.scopes.has(requirement) || caller.scopes.has('admin')
}

/** -5. `name` is what the caller wanted: a method or a command. */
export function denied(name: string, requirement: Requirement): RpcError {
  return new RpcError('AuthFailed', `${name} needs the scope '${requirement}', which this credential does not have`, {
    statusCode: 403
  })
}

interface Entry {
  readonly method: AnyMethod
  readonly validate: Validate<Record<string, unknown>>
  /** A result as JSON text. */
  readonly encode: (result: unknown) => string
}

/** A name of the specification's form: `agent.send`, `node.push_token.set`. */
const NAME = /^[a-z][a-z0-9]*(\.[a-z][A-Za-z0-9_]*)+$/

/**
 * Every method of the gateway, by name. A call goes: look up → authorise → validate → run. Authorising comes first,
 * so that whoever may not call a method learns nothing of its params.
 */
export class Registry {
  readonly #entries = new Map<string, Entry>()
  readonly #onAdd: (method: AnyMethod) => void
  #around: AroundCall = (_method, _ctx, run) => run()

  /** `onAdd` is told of each new method: that is how it gets its HTTP route. */
  constructor(onAdd: (method: AnyMethod) => void = () => {}) {
    this.#onAdd = onAdd
  }

  /** Adds a method. A name that is taken or malformed, or params that let unknown ones pass, stop the start. */
  method(method: AnyMethod): void {
    const { name, params, result } = method
    if (!NAME.test(name)) throw new Error(`method '${name}': a name looks like 'group.verb'`)
    if (this.#entries.has(name)) throw new Error(`method '${name}' is already registered`)
    if (params.additionalProperties !== false) throw new Error(`method '${name}': params need additionalProperties: false`)
    this.#onAdd(method)
    this.#entries.set(name, {
      method,
      validate: once(() => withSessionAlias(method, compile(params))),
      encode: once(() => fastJson(result))
    })
  }

  get(name: string): AnyMethod | undefined {
    return this.#entries.get(name)?.method
  }

  list(): AnyMethod[] {
    return Array.from(this.#entries.values(), ({ method }) => method)
  }

  /** Puts something around every call; what comes last is the outermost. */
  around(outer: AroundCall): void {
    const inner = this.#around
    this.#around = (method, ctx, run) => outer(method, ctx, () => inner(method, ctx, run))
  }

  /**
   * Runs one call. A method that works synchronously answers synchronously: no turn of the event loop is lost on it.
   * @throws RpcError MethodNotFound, AuthFailed (scope), InvalidRequest (params), or whatever the method throws
   */
  call(name: string, params: unknown, ctx: Context): unknown {
    return this.#around(this.#entries.get(name)?.method, ctx, () => {
      const { method, validate } = this.#entry(name)
      if (!allows(ctx.caller, method.scope)) throw denied(name, method.scope)
      const checked = validate(params ?? {})
      if ('issues' in checked) throw invalidParams(checked.issues)
      return method.handler(checked.value, ctx)
    })
  }

  /** The JSON text of a method's result, by its result schema. */
  encode(name: string, result: unknown): string {
    return this.#entry(name).encode(result)
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name)
    if (!entry) throw unknownMethod(name)
    return entry
  }
}

/** -3. The name is quoted, and cut: it comes from whoever asks. */
function unknownMethod(name: string): RpcError {
  return new RpcError('MethodNotFound', `Unknown method: ${JSON.stringify(name.slice(0, 100))}`)
}

/** Compiled at the first use: a gateway that starts does not pay for what nobody calls. */
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
