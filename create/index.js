#!/usr/bin/env node
// Writes a plugin of flynn-gateway into a new folder: npm create flynn-plugin <name>
import { cpSync, existsSync, globSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const USAGE =
  'Usage: npm create flynn-plugin <name>\nThe name is that of the folder and of the package: small letters, digits and -, a letter first.'
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

const [name = '', ...more] = process.argv.slice(2)
if (name === '--help') end(0, USAGE)
if (more.length > 0 || !NAME.test(name) || name.length > 60) end(2, USAGE)
const folder = resolve(name)
if (existsSync(folder)) end(1, `${folder} exists already. Choose another name, or remove it.`)

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
/** `flynn-rain-radar` → `rainradar`: the first part of the names of methods, events and tools. */
const group = name.replace(/^flynn-(?=[a-z])/, '').replaceAll('-', '')
const values = { __name__: name, __group__: group, __version__: version }

cpSync(fileURLToPath(new URL('template', import.meta.url)), folder, { recursive: true })
// npm leaves a .gitignore out of every package.
renameSync(join(folder, 'gitignore'), join(folder, '.gitignore'))
for (const file of globSync('**/*', { cwd: folder }).map((file) => join(folder, file))) {
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace(/__(?:name|group|version)__/g, (key) => values[key])
  )
}
end(0, `Wrote ${name}. Next:\n\n  cd ${name}\n  npm install\n  npm test`)

/**
 * @param {number} code
 * @param {string} text
 */
function end(code, text) {
  process[code === 0 ? 'stdout' : 'stderr'].write(`${text}\n`)
  process.exit(code)
}
