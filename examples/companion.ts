// This program as a device of the agent, with the companion SDK: it shows what the agent sends it.
//   FLYNN_URL=ws://localhost:18800 FLYNN_TOKEN=… node companion.ts
import { createCompanion } from 'flynn-gateway/companion'

const { FLYNN_URL = 'ws://localhost:18800', FLYNN_TOKEN } = process.env
const show = ({ title }: Record<string, unknown>) => {
  process.stdout.write(`* ${title}\n`)
  return { shown: true }
}
const desk = createCompanion({ url: FLYNN_URL, token: FLYNN_TOKEN, nodeId: 'desk', capabilities: { notifications: show } })
desk.connect()
const { capabilities } = await desk.ready
process.stdout.write(`desk offers ${capabilities.enabled.join(', ')}\n`)
