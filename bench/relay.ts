import { type WebSocket, WebSocketServer } from 'ws'

/** The yardstick of `stream.ts`: nothing but `ws`, which asks the model for every request and passes each word to every client. */
const clients = new Map<WebSocket, number>()
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, clientTracking: false }, () => {
  process.send!({ port: (server.address() as { port: number }).port })
})
server.on('connection', (socket) => {
  socket.on('close', () => clients.delete(socket))
  socket.on('message', async (data) => {
    const { id, method, params } = JSON.parse(String(data))
    clients.set(socket, id)
    if (method !== 'agent.send') {
      socket.send(JSON.stringify({ id, result: { subscribed: true } }))
      return
    }
    const response = await fetch(`${process.env.MODEL_URL}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ stream: true, messages: [{ role: 'user', content: params.message }] })
    })
    const decoder = new TextDecoder()
    let rest = ''
    let seq = 0
    for await (const chunk of response.body!) {
      const events = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
      rest = events.pop() ?? ''
      for (const event of events) {
        if (event === 'data: [DONE]') continue
        const text = JSON.parse(event.slice(6)).choices[0].delta.content
        if (text === undefined) continue
        seq++
        for (const [client, id] of clients) {
          client.send(JSON.stringify({ id, event: 'content', data: { text }, sessionId: 'bench:1', runId: 'run', seq }))
        }
      }
    }
    for (const [client, id] of clients) client.send(JSON.stringify({ id, event: 'done' }))
  })
})
process.on('message', (asked) => {
  if (asked === 'rss') globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send!({ rss: process.memoryUsage().rss, cpu: user + system })
})
