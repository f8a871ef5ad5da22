import { scriptUrl } from '../app/script-url.ts'
import worker from './shrink-worker.ts?worker&url'

/** Time after which a picture goes as it is. */
const TIMEOUT_MS = 30_000

/**
 * Makes a picture smaller, in a thread of its own. One that would grow stays as it is.
 * @throws Error when this browser cannot read it
 */
export async function shrink(file: Blob): Promise<Blob> {
  const thread = new Worker(scriptUrl(worker), { type: 'module' })
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    const small = await new Promise<Blob | undefined>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('the picture took too long')), TIMEOUT_MS)
      thread.onmessage = ({ data }: MessageEvent<Blob | undefined>) => resolve(data)
      thread.onerror = () => reject(new Error('the worker failed'))
      thread.postMessage(file)
    })
    if (!small) throw new Error('the picture cannot be read')
    return small.size < file.size ? small : file
  } finally {
    clearTimeout(timer)
    thread.terminate()
  }
}
