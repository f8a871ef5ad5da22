import type { CallOptions, GatewayClient, GatewayMethods } from '../client/index.ts'

type ParamsOf<P> = Record<never, never> extends P ? [params?: P] : [params: P]

/** Methods of one namespace by their last name: `canvas.put` as `put`. Those that a plugin adds to `GatewayMethods` are among them. */
export type Namespace<N extends string> = {
  readonly [M in keyof GatewayMethods as M extends `${N}.${infer Name}` ? Name : never]: (
    ...[params, options]: [...ParamsOf<GatewayMethods[M]['params']>, options?: CallOptions<GatewayMethods[M]['events']>]
  ) => Promise<GatewayMethods[M]['result']>
}

/** Calls of one namespace. Each waits for a connection, and is sent once. */
export function namespace<N extends string>(client: GatewayClient, name: N): Namespace<N> {
  const call = client.call.bind(client) as unknown as (method: string, params?: object, options?: object) => Promise<unknown>
  return new Proxy({} as Namespace<N>, {
    // A name that is no string, and `then`, are asked for by the language itself.
    get: (_target, method) =>
      typeof method === 'string' && method !== 'then'
        ? (params?: object, options?: object) => call(`${name}.${method}`, params, options)
        : undefined
  })
}
