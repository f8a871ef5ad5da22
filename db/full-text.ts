import type { Database } from 'better-sqlite3'
import type { FullText } from './connection.ts'
import { sql } from './drizzle.ts'

/** Pages that one step of a merge writes: a few milliseconds. */
const PAGES = 8
/** Set by the trigger that removes a deleted message. */
const DELETED = 'search.deleted'

/**
 * Full-text index of SQLite. A deleted message leaves the results at once. Its words leave the file when the parts of the index are merged,
 * which takes long for a large index, and so is done in steps: FTS5 can also remove them at once, but then deleting a message takes 2 ms.
 */
export function fullTextOf(client: Database): FullText {
  const begun = client.prepare('select 1 from cursors where name = ?')
  const forget = client.prepare('delete from cursors where name = ?')
  const merge = client.prepare("insert into messages_fts(messages_fts, rank) values ('merge', ?)")
  const written = client.prepare('select total_changes()').pluck()
  let merging = false
  return {
    // Each word is quoted, so that none is taken for an operator.
    ids: (words, before, most) =>
      sql`(select rowid from messages_fts where messages_fts match ${words.map((word) => `"${word}"*`).join(' ')} and rowid < ${before} order by rowid desc limit ${most})`,
    async compact() {
      if (!merging) {
        if (begun.get(DELETED) === undefined) return false
        forget.run(DELETED)
      }
      const before = written.get() as number
      // A negative number begins a merge of all parts, a positive one goes on with it.
      merge.run(merging ? PAGES : -PAGES)
      // The command itself counts as one change.
      merging = (written.get() as number) - before > 1
      return merging
    }
  }
}
