import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const ROOT = new URL('./', import.meta.resolve('#package.json'))

/** Files of dist/ that are built by `bundle`, by their source. */
const ENTRIES = {
  client: 'rpc/client/index.ts',
  session: 'rpc/client/model/index.ts',
  react: 'rpc/client/react/index.ts',
  companion: 'rpc/companion/index.ts',
  'companion-machine': 'rpc/companion/machine.ts'
} as const

type Entry = keyof typeof ENTRIES

/** The client SDK as one ESM file without imports, for browsers and every other runtime. */
export function bundleClient(): Promise<string> {
  return bundle('client', /^(?!)/)
}

/** The session model as one ESM file that imports the client. */
export function bundleSession(): Promise<string> {
  return bundle('session', /^\.\/client\.js$/)
}

/** The hook for React as one ESM file that imports the session model. */
export function bundleReact(): Promise<string> {
  return bundle('react', /^(\.\/session\.js|react)$/)
}

/** The companion as one ESM file that imports the client, for browsers and every other runtime. */
export function bundleCompanion(): Promise<string> {
  return bundle('companion', /^\.\/client\.js$/)
}

/** Companions of desktops, for Node.js. */
export function bundleMachineCompanion(): Promise<string> {
  return bundle('companion-machine', /^(\.\/companion\.js|node:.*|systeminformation)$/)
}

/** One file for dist/. Other entries stay imports: their classes must exist once in a program. */
async function bundle(entry: Entry, imports: RegExp): Promise<string> {
  const others = new Map(
    Object.entries(ENTRIES)
      .filter(([name]) => name !== entry)
      .map(([name, file]) => [fileURLToPath(new URL(file, ROOT)), `./${name}.js`])
  )
  const bundle = await rolldown({
    input: fileURLToPath(new URL(ENTRIES[entry], ROOT)),
    platform: 'neutral',
    external: /^(node:|systeminformation$|react$)/,
    plugins: [
      {
        name: 'entries',
        resolveId(source, importer) {
          const id = importer && source.startsWith('.') ? others.get(path.resolve(path.dirname(importer), source)) : undefined
          return id === undefined ? null : { id, external: true }
        }
      }
    ],
    // An unresolved import would be missing in a page.
    onLog(_level, log) {
      throw new Error(log.message)
    }
  })
  try {
    const { output } = await bundle.generate({ format: 'es', comments: false })
    const [chunk, ...more] = output
    if (more.length > 0) throw new Error(`${entry} must be one file, not ${output.length}`)
    const wrong = chunk.imports.filter((one) => !imports.test(one))
    if (wrong.length > 0) throw new Error(`${entry} must not import ${wrong.join(', ')}`)
    return chunk.code
  } finally {
    await bundle.close()
  }
}

/** Writes every bundle into dist/. */
export async function writeBundles(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'client.js'), await bundleClient())
  await writeFile(path.join(folder, 'session.js'), await bundleSession())
  await writeFile(path.join(folder, 'react.js'), await bundleReact())
  await writeFile(path.join(folder, 'companion.js'), await bundleCompanion())
  await writeFile(path.join(folder, 'companion-machine.js'), await bundleMachineCompanion())
}
