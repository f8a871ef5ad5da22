/** Saves a text, or the parts of one, as a file of this browser. */
export function download(name: string, type: string, text: string | string[]): void {
  const url = URL.createObjectURL(new Blob([text].flat(), { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // Not at once: some browsers have only begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
