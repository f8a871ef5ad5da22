import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** A model behind chat completions that says as many words as the last number of the question, as fast as they are read. */
const server = http.createServer(async (request, response) => {
  const body: Buffer[] = []
  for await (const chunk of request) body.push(chunk)
  const words = Number(/(\d+)\D*$/.exec(JSON.parse(Buffer.concat(body).toString()).messages.at(-1).content)?.[1] ?? 3)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let n = 0; n < words; n++) {
    const choices = [{ index: 0, delta: { content: `word ${n} ` }, finish_reason: null }]
    const event = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'bench', choices }
    if (!response.write(`data: ${JSON.stringify(event)}\n\n`)) await once(response, 'drain')
  }
  response.write('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
  response.end('data: [DONE]\n\n')
})
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
