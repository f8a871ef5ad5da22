// Writes dist/client.js, the client SDK as one file: part of npm run build
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleClient } from './client/bundle.ts'

const folder = process.argv[2] ?? fileURLToPath(new URL('../dist/', import.meta.url))
await mkdir(folder, { recursive: true })
await writeFile(path.join(folder, 'client.js'), await bundleClient())
