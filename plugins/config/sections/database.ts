import { Type } from '@sinclair/typebox'
import { restart, secret, section } from './schema-helpers.ts'

export const DatabaseSection = section('Database', {
  url: Type.Optional(
    Type.String({
      description:
        'PostgreSQL database, such as postgres://user:password@host/name; absent: a SQLite file in data_dir. One gateway a database',
      pattern: '^postgres(ql)?://[^\\s/?#]+/[^\\s/?#]+(\\?\\S*)?$',
      expected: 'a URL such as postgres://user:password@host:5432/name',
      ...secret,
      ...restart
    })
  )
})
