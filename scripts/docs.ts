// Writes docs/protocol.md, which is made from the definitions of the gateway: npm run docs
import { writeFile } from 'node:fs/promises'
import { PROTOCOL_FILE, protocolText } from './protocol/text.ts'

await writeFile(PROTOCOL_FILE, await protocolText())
process.stdout.write(`${PROTOCOL_FILE.pathname}\n`)
