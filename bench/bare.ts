import { WebSocketServer } from 'ws'

/** The yardstick: nothing but `ws`, answering each request with the JSON that `system.info` has. */
const startedAt = performance.now()
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, clientTracking: false }, () => {
  process.send!({ port: (server.address() as { port: number }).port })
})
server.on('connection', (socket) => {
  socket.on('message', (data) => {
    const { id } = JSON.parse(String(data))
    const uptime = Math.floor((performance.now() - startedAt) / 1000)
    const result = { version: '0.1.0', uptime, connections: 0, model: { provider: 'offline', model: 'offline', offline: true } }
    socket.send(JSON.stringify({ id, result }))
  })
})
process.on('message', () => {
  globalThis.gc?.()
  process.send!({ rss: process.memoryUsage().rss })
})
