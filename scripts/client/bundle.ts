import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const ROOT = new URL('./', import.meta.resolve('#package.json'))

/** The client SDK as one ESM file without imports, for browsers and every other runtime. */
export async function bundleClient(): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('rpc/client/index.ts', ROOT)),
    platform: 'neutral',
    // Whatever is left as an import would be missing in a page.
    onLog(_level, log) {
      throw new Error(log.message)
    }
  })
  try {
    const { output } = await bundle.generate({ format: 'es', comments: false })
    const [chunk, ...others] = output
    if (others.length > 0) throw new Error(`The client must be one file, not ${output.length}`)
    if (chunk.imports.length > 0) throw new Error(`The client must import nothing, but imports ${chunk.imports.join(', ')}`)
    return chunk.code
  } finally {
    await bundle.close()
  }
}
