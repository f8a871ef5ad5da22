import { type Uploaded, UploadFailed, type UploadRequest } from './upload-request.ts'

/**
 * Streams a file to the gateway. Not with `fetch`, which does not say how far it is.
 * @throws UploadFailed
 */
export function upload({ base, headers, name, type, content, signal, onProgress }: UploadRequest): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const url = new URL('attachments', base)
    url.searchParams.set('filename', name)
    request.open('POST', url)
    request.responseType = 'json'
    request.setRequestHeader('content-type', type)
    for (const [header, value] of Object.entries(headers)) request.setRequestHeader(header, value)
    request.upload.onprogress = ({ loaded, total }) => total > 0 && onProgress(loaded / total)
    request.onload = () => {
      const { id, error } = (request.response ?? {}) as { id?: string; error?: { message?: string } }
      if (request.status === 201 && id !== undefined) resolve({ id })
      else reject(new UploadFailed(error?.message ?? `The gateway answered with HTTP status ${request.status}.`, false))
    }
    request.onerror = () => reject(new UploadFailed('The connection broke during the upload.', true))
    request.onabort = () => reject(new UploadFailed('The upload was stopped.', false))
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(content)
  })
}
