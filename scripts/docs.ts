// Writes docs/protocol.md and rpc/client/methods.ts, which are made from the definitions of the gateway: npm run docs
import { writeFile } from 'node:fs/promises'
import { clientTypesText, TYPES_FILE } from './client/types.ts'
import { PROTOCOL_FILE, protocolText } from './protocol/text.ts'

await writeFile(PROTOCOL_FILE, await protocolText())
await writeFile(TYPES_FILE, await clientTypesText())
process.stdout.write(`${PROTOCOL_FILE.pathname}\n${TYPES_FILE.pathname}\n`)
