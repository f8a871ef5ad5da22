// A chat in the terminal, with the client SDK: each line is a message, and its answer is printed as it is written.
//   FLYNN_URL=ws://localhost:18800 FLYNN_TOKEN=… node client.ts
import { createInterface } from 'node:readline'
import { connect } from 'flynn-gateway/client'

const { FLYNN_URL = 'ws://localhost:18800', FLYNN_TOKEN } = process.env
const gateway = connect(FLYNN_URL, { token: FLYNN_TOKEN })
const session = gateway.session('cli:example')
for await (const line of createInterface(process.stdin)) {
  const run = session.send(line)
  for await (const text of run.text()) process.stdout.write(text)
  const { usage } = await run
  process.stdout.write(`\n(${usage.inputTokens} tokens in, ${usage.outputTokens} out)\n`)
}
await gateway.close()
