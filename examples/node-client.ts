// A client with nothing but a WebSocket: sends what stands on the command line, and prints the answer as it comes.
//   FLYNN_URL=ws://localhost:18800 FLYNN_TOKEN=… node node-client.ts Hello, Flynn!
import { WebSocket } from 'ws'

interface Frame {
  id: number | null
  event?: string
  // biome-ignore lint/suspicious/noExplicitAny: each event has data of its own
  data?: any
  result?: { content: string; usage: { inputTokens: number; outputTokens: number } }
  error?: { code: number; message: string }
}

const { FLYNN_URL = 'ws://localhost:18800', FLYNN_TOKEN } = process.env
const socket = new WebSocket(FLYNN_URL, FLYNN_TOKEN ? { headers: { authorization: `Bearer ${FLYNN_TOKEN}` } } : {})

socket.on('open', () => {
  const message = process.argv.slice(2).join(' ') || 'Hello, Flynn!'
  socket.send(JSON.stringify({ id: 1, method: 'agent.send', params: { message, sessionId: 'cli:example' } }))
})

socket.on('message', (text) => {
  const { event, data, result, error } = JSON.parse(String(text)) as Frame
  if (event === 'content') process.stdout.write(data.text)
  if (event === 'tool_start') process.stdout.write(`[${data.tool} …]\n`)
  if (result) process.stdout.write(`\n(${result.usage.inputTokens} tokens in, ${result.usage.outputTokens} out)\n`)
  if (error) process.stderr.write(`error ${error.code}: ${error.message}\n`)
  if (error) process.exitCode = 1
  if (result || error) socket.close()
})

socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})
