import type { Context, Peer } from './define.ts'
import { RpcError } from './errors.ts'

/**
 * Socket of a call, for methods that need one.
 * @throws RpcError InvalidRequest over HTTP
 */
export function peerOf({ connection }: Pick<Context, 'connection'>, method: string): Peer {
  if (connection) return connection
  throw new RpcError('InvalidRequest', `${method} needs a WebSocket connection; it cannot be called over HTTP`)
}
