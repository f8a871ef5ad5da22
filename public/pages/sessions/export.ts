import { client } from '../../app/gateway.ts'
import { download } from '../../ui/download.ts'

/** Saves all pages of the export as one file. */
export async function exported(sessionId: string, format: 'markdown' | 'json'): Promise<void> {
  const parts: string[] = []
  let cursor: string | undefined
  for (;;) {
    const page = await client.call('sessions.export', { sessionId, format, cursor })
    parts.push(page.content)
    if (page.nextCursor === null) return download(page.filename, page.mimeType, parts)
    cursor = page.nextCursor
  }
}
