import websocket from '@fastify/websocket'
import { gatewayPlugin } from '../types.ts'

/** The subprotocol of the gateway. A client that brings its token offers it first, and the token beside it. */
const SUBPROTOCOL = 'flynn.v1'

/**
 * Brings @fastify/websocket, unless the host has: two of them would answer each handshake twice. A host's own keeps
 * its options, so what matters (frame size, subprotocol) is looked at again where frames are read.
 */
export default gatewayPlugin({ name: 'websocket', dependencies: ['config'] }, async (app) => {
  if (app.hasDecorator('websocketServer')) {
    app.log.info('using the @fastify/websocket of the host, with its maxPayload and handleProtocols')
    return
  }
  await app.register(websocket, {
    options: {
      maxPayload: app.config.server.maxPayloadBytes,
      clientTracking: false,
      // Never the token: what is selected here is sent back in the clear.
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
})
