import { Agent, WebSocket } from 'undici'
import { type CallEvent, type ConnectionState, Disconnected, GatewayClient, RpcError } from '../rpc/client/index.ts'
import { EXIT, Failure } from './exit.ts'
import { askHealth, pinned } from './probe.ts'
import type { Target } from './target.ts'

/** Event as a command prints it. */
export type PrintedEvent = CallEvent<Record<string, unknown>>

/** The gateway refused a request. */
export class GatewayError extends Failure {
  constructor({ code, message }: RpcError) {
    super(EXIT.failed, `error ${code}: ${message}`)
  }
}

/**
 * Connects to a gateway. The client reconnects by itself afterwards.
 * @throws GatewayError the credential was refused; Failure no gateway answers at first, with the reason
 */
export async function openClient(target: Target): Promise<GatewayClient> {
  const client = new GatewayClient({ url: target.url, token: target.token, WebSocket: socketClass(target) })
  const failed = Promise.withResolvers<never>()
  const remove = client.onState((state) => {
    if (state.name === 'waiting') explain(target, state.reason).then(failed.reject)
  })
  client.connect()
  try {
    await Promise.race([client.ready, failed.promise])
  } catch (error) {
    await client.close()
    throw asFailure(error)
  } finally {
    remove()
  }
  return client
}

/**
 * Calls any method, with no time limit.
 * @throws GatewayError, Failure
 */
export async function callMethod(
  client: GatewayClient,
  method: string,
  params: object,
  onEvent?: (event: PrintedEvent) => void
): Promise<unknown> {
  const call = client.call.bind(client) as unknown as (method: string, params: object, options: object) => Promise<unknown>
  try {
    return await call(method, params, { timeoutMs: Number.POSITIVE_INFINITY, onEvent })
  } catch (error) {
    throw asFailure(error)
  }
}

/** Reason of a lost connection, in one line. */
export function reasonOf(state: ConnectionState): string {
  return state.name === 'waiting' ? state.reason : state.name
}

/** Error of the client as the failure of a command. */
export function asFailure(error: unknown): unknown {
  if (error instanceof RpcError) return new GatewayError(error)
  return error instanceof Disconnected ? new Failure(EXIT.unavailable, error.message) : error
}

/** WebSocket that trusts the certificate of the configuration and no other, where there is one. */
function socketClass({ certificate }: Target) {
  const dispatcher = new Agent({ connect: certificate ? pinned(certificate) : {} })
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, { protocols, dispatcher })
    }
  }
}

/** A failed handshake has no status; a plain request does. */
async function explain(target: Target, reason: string): Promise<Failure> {
  try {
    const { status } = await askHealth(target)
    if (status === 429)
      return new Failure(EXIT.unavailable, `${target.url} accepts no login for now: too many wrong tokens. Wait a minute`)
    return new Failure(EXIT.unavailable, `no gateway at ${target.url}: it does not open a socket (HTTP ${status}; ${reason})`)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ECONNREFUSED' ? 'nothing listens there. Start one with: flynn-gateway start' : (code ?? message)
    return new Failure(EXIT.unavailable, `no gateway at ${target.url}: ${why}`)
  }
}
