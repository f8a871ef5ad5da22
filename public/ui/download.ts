/** Saves a text, the parts of one, or bytes as a file of this browser. */
export function download(name: string, type: string, content: BlobPart | BlobPart[]): void {
  const url = URL.createObjectURL(new Blob([content].flat(), { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // Not at once: some browsers have only begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
