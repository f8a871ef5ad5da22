// Writes every file that is made from the definitions of the gateway: npm run docs
import { writeFile } from 'node:fs/promises'
import { generated } from './generated.ts'

for (const { file, text } of await generated()) {
  await writeFile(file, text)
  process.stdout.write(`${file.pathname}\n`)
}
