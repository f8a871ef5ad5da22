import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { editorSchema } from '../plugins/config/json-schema.ts'

/** Writes `flynn.schema.json`, by which editors know the keys of the configuration, in the form that the formatter wants. */
const file = fileURLToPath(new URL('./flynn.schema.json', import.meta.resolve('#package.json')))
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
writeFileSync(file, `${JSON.stringify(editorSchema(), null, 2)}\n`)
execFileSync(process.execPath, [biome, 'format', '--write', file], { stdio: 'inherit' })
