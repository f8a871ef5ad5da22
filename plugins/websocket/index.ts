import { EventEmitter } from 'node:events'
import type { Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import websocket from '@fastify/websocket'
import { CLOSE } from '../../rpc/connection.ts'
import { gatewayPlugin } from '../define.ts'

/** The subprotocol of the gateway. A client that brings its token offers it first, and the token beside it. */
const SUBPROTOCOL = 'flynn.v1'

/** Marks the HTTP server whose handshakes a gateway hands to the router: those of all gateways of the host. */
const kUpgrades = Symbol('flynn.upgrades')

/**
 * Brings @fastify/websocket, unless the host has: two of them would answer each handshake twice. A host's own keeps
 * its options, so the frame size is looked at again where frames are read.
 */
export default gatewayPlugin({ name: 'websocket', dependencies: ['config'] }, async (app) => {
  if (app.hasDecorator('websocketServer')) {
    app.log.info('using the @fastify/websocket of the host, with its maxPayload and handleProtocols')
    return
  }
  const server: Server & { [kUpgrades]?: true } = app.server
  const isFirst = server[kUpgrades] === undefined
  server[kUpgrades] = true

  // Before the plugin's own hook, which would close the sockets of other routes without a word.
  app.addHook('onRoute', (route) => {
    if (route.websocket || ![route.method].flat().every((method) => method === 'GET' || method === 'HEAD')) return
    route.wsHandler ??= (socket, { raw }) =>
      app.connections.refuse(socket, raw.socket, CLOSE.notFound, "nothing here: the socket is at the gateway's root")
  })
  await app.register(websocket, {
    options: {
      // A second gateway must not hear what the first one already passes on: its handshakes come by way of the router.
      ...(isFirst ? {} : { server: new EventEmitter() as Server }),
      maxPayload: app.config.server.maxPayloadBytes,
      clientTracking: false,
      // Never the token: the selected protocol is sent back in the clear.
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false)
    },
    errorHandler(err, socket, request) {
      request.log.debug({ err }, 'socket error')
      // `ws` is closing a socket that broke the protocol; cut now, its peer would not read why. Still open: our own failure.
      if (socket.readyState === socket.OPEN) socket.terminate()
    },
    // Connections say goodbye themselves, once their runs have ended.
    preClose: (done) => done()
  })
  if (isFirst) server.on('upgrade', endWithAnswer)
})

/**
 * A handshake that the router answers like a plain request: of a route of the host, or of none. Node has let go of its
 * socket and the plugin looks after those of its own routes only, so that anybody could collect open sockets.
 */
function endWithAnswer(_request: unknown, socket: Upgraded): void {
  socket._httpMessage?.once('finish', () => socket.destroySoon?.())
}

/** A socket, with the response that is assigned to it. Node has no other name for it. */
type Upgraded = Duplex & { readonly _httpMessage?: ServerResponse | null; destroySoon?(): void }
