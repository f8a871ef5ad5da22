import { fitted, writtenAs } from './picture-size.ts'

interface Scope {
  onmessage: (event: MessageEvent<Blob>) => void
  postMessage(result: Blob | undefined): void
}

const scope = globalThis as unknown as Scope

/** Makes one picture smaller and answers it; undefined when this browser cannot read it. */
scope.onmessage = ({ data }) => {
  void shrunk(data).then(
    (small) => scope.postMessage(small),
    () => scope.postMessage(undefined)
  )
}

async function shrunk(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file)
  const { width, height } = fitted(picture)
  const canvas = new OffscreenCanvas(width, height)
  canvas.getContext('2d')?.drawImage(picture, 0, 0, width, height)
  picture.close()
  return canvas.convertToBlob({ type: writtenAs(file.type), quality: 0.85 })
}
