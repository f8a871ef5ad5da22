import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { bucketOf } from '../security/address.ts'

/** Requests of one socket that wait for their answers. Clients rarely pipeline; a flood would open a file or a query for each. */
const MAX_PIPELINED = 16

export interface SocketLimits {
  /** `limits.connections_per_address` */
  readonly connectionsPerAddress: number
  /** `limits.unauthenticated_connections` */
  readonly unauthenticatedConnections: number
}

export interface SocketsOptions {
  limits(): SocketLimits
  /** True for the address of a trusted proxy, which carries the requests of many clients. */
  isProxy(address: string): boolean
  /** Reports a refused socket. */
  report(detail: { readonly address: string | undefined; readonly limit: string }): void
}

/**
 * Bounds of the sockets of a server, for everything that happens before a login. The number of all sockets is the server's own
 * `maxConnections`. Over `unauthenticatedConnections` the oldest socket without a login is closed rather than the new one refused: a
 * flood of silent sockets must not keep people out.
 */
export class Sockets {
  readonly #options: SocketsOptions
  readonly #addresses = new Map<string, number>()
  /** Sockets without a login, oldest first. */
  readonly #unknown = new Set<Socket>()
  readonly #pending = new WeakMap<Socket, number>()

  constructor(options: SocketsOptions) {
    this.#options = options
  }

  /** Takes a new socket, or closes it. */
  open(socket: Socket): void {
    const { limits, isProxy, report } = this.#options
    // Without a listener, a reset between two parsers would end the process.
    socket.on('error', () => {})
    const address = socket.remoteAddress
    const bucket = address !== undefined && !isProxy(address) ? bucketOf(address) : undefined
    const count = bucket === undefined ? 0 : (this.#addresses.get(bucket) ?? 0)
    if (count >= limits().connectionsPerAddress) {
      report({ address, limit: 'limits.connections_per_address' })
      socket.destroy()
      return
    }
    if (bucket !== undefined) this.#addresses.set(bucket, count + 1)
    this.#unknown.add(socket)
    socket.once('close', () => {
      this.#unknown.delete(socket)
      if (bucket === undefined) return
      const left = this.#addresses.get(bucket)! - 1
      if (left > 0) this.#addresses.set(bucket, left)
      else this.#addresses.delete(bucket)
    })
    if (this.#unknown.size <= limits().unauthenticatedConnections) return
    const [oldest] = this.#unknown
    report({ address: oldest!.remoteAddress, limit: 'limits.unauthenticated_connections' })
    this.#unknown.delete(oldest!)
    oldest!.destroy()
  }

  /** Notes that a request of this socket was authenticated. */
  authenticated(socket: Socket): void {
    this.#unknown.delete(socket)
  }

  /** Admits a request, or closes a socket that sends too many without reading their answers, or with two `Host` headers. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request
    if (socket.destroyed) return false
    if (countHosts(request.rawHeaders) > 1) {
      response.writeHead(400, { connection: 'close', 'content-type': 'application/json' })
      response.end('{"error":{"code":-2,"message":"Invalid request: more than one Host header"}}')
      return false
    }
    const pending = (this.#pending.get(socket) ?? 0) + 1
    if (pending > MAX_PIPELINED) {
      this.#options.report({ address: socket.remoteAddress, limit: 'pipelined requests' })
      socket.destroy()
      return false
    }
    this.#pending.set(socket, pending)
    response.once('close', () => this.#pending.set(socket, this.#pending.get(socket)! - 1))
    return true
  }
}

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (/^host$/i.test(rawHeaders[at]!)) count++
  return count
}
