import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyTypeProvider,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault
} from 'fastify'
import fp from 'fastify-plugin'
import type * as rpc from '../rpc/define.ts'
import { compile } from '../rpc/validate.ts'

export { named } from '../rpc/named.ts'
export type * from './hooks/hooks.ts'

/** Decorators of the gateway. Each concern adds its own by declaration merging, and so do third parties. */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface GatewayDecorators {}

/** Infers `request.body`, `params`, `query` and replies from TypeBox schemas; no package needed for three lines. */
interface TypeBoxProvider extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown
}

type TypeBoxInstance = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxProvider
>

/** Fastify instance inside the gateway. Its decorators win over a host's of the same name, at run time and in types. */
export type GatewayInstance = Omit<TypeBoxInstance, keyof GatewayDecorators> & GatewayDecorators

/** One call, as the handler of a method of this gateway sees it. */
export type Context<E extends rpc.EventMap = rpc.EventMap> = rpc.Context<GatewayInstance, E>

/** Any method of this gateway. */
export type AnyMethod = rpc.AnyMethod<GatewayInstance>

/** Defines a method. Returns its argument; the types tie the handler and the examples to their schemas. */
export function defineMethod<
  const N extends string,
  P extends TObject,
  R extends TSchema,
  E extends rpc.EventMap = Record<never, never>
>(method: rpc.Method<GatewayInstance, N, P, R, E>): rpc.Method<GatewayInstance, N, P, R, E> {
  return method
}

/** Description of a plugin. */
export interface PluginMeta {
  /** Becomes `flynn:<name>`. */
  readonly name: string
  /** Names of other plugins of the gateway. A missing one stops the start. */
  readonly dependencies?: readonly string[]
  /** `false` keeps everything that the plugin adds inside it. */
  readonly share?: boolean
}

/**
 * Makes a plugin with options. The schema checks them and fills in defaults; wrong or unknown options stop the start with an
 * error that names each of them.
 */
export function gatewayPlugin<S extends TObject>(
  meta: PluginMeta & { readonly options: S },
  plugin: (app: GatewayInstance, options: Static<S>) => Promise<void>
): FastifyPluginAsync<Partial<Static<S>>>
/** Makes a Fastify plugin of the gateway: named, its dependencies checked, its instance typed. */
export function gatewayPlugin<O extends object = Record<never, never>>(
  meta: PluginMeta,
  plugin: (app: GatewayInstance, options: O) => Promise<void>
): FastifyPluginAsync<O>
export function gatewayPlugin(
  { name, dependencies = [], share = true, options }: PluginMeta & { readonly options?: TObject },
  plugin: (app: GatewayInstance, options: never) => Promise<void>
): FastifyPluginAsync {
  const run = options === undefined ? plugin : withOptions(name, options, plugin)
  return fp(run as unknown as FastifyPluginAsync, {
    name: `flynn:${name}`,
    fastify: '5.x',
    dependencies: dependencies.map((dependency) => `flynn:${dependency}`),
    encapsulate: !share
  })
}

function withOptions(name: string, schema: TObject, plugin: (app: GatewayInstance, options: never) => Promise<void>) {
  const check = compile({ additionalProperties: false, ...schema }, 'options')
  // Async: avvio waits for ever for a plugin that throws synchronously.
  return async (app: GatewayInstance, { prefix: _prefix, ...given }: Record<string, unknown>): Promise<void> => {
    const checked = check(given)
    if (!('issues' in checked)) return plugin(app, checked.value as never)
    const { issues } = checked
    const text = issues.map(({ path, message }) => `${path} ${message}`).join('; ')
    throw Object.assign(new Error(`Options of plugin '${name}' are invalid: ${text}.`), { issues })
  }
}

/** Named things of one kind, in the order they were added. A duplicate name stops the start. */
export class NamedRegistry<T extends { readonly name: string }> {
  readonly #kind: string
  readonly #items = new Map<string, T>()

  constructor(kind: string) {
    this.#kind = kind
  }

  add(item: T): void {
    if (this.#items.has(item.name)) throw new Error(`${this.#kind} '${item.name}' is already registered`)
    this.#items.set(item.name, item)
  }

  get(name: string): T | undefined {
    return this.#items.get(name)
  }

  list(): T[] {
    return [...this.#items.values()]
  }
}
