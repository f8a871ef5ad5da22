import { Type } from '@sinclair/typebox'
import { NoParams } from '../../rpc/schemas/simple.ts'
import { defineMethod } from '../define.ts'
import { mayUse } from './registry.ts'

export const list = defineMethod({
  name: 'commands.list',
  summary: 'List the slash commands that the caller may use, for completion (extension)',
  extension: true,
  scope: 'any',
  params: NoParams,
  result: Type.Object({
    commands: Type.Array(
      Type.Object({
        name: Type.String({ description: 'Name after the slash' }),
        summary: Type.String({ description: 'One line for people' }),
        usage: Type.Array(Type.String(), { description: 'Ways to write it' })
      })
    )
  }),
  examples: [
    {
      params: {},
      result: {
        commands: [{ name: 'help', summary: 'List the commands', usage: ['/help', '/help <command>'] }]
      }
    }
  ],
  handler: (_params, { app, caller }) => ({
    commands: app.commands
      .list()
      .filter((command) => mayUse(caller, command))
      .map(({ name, summary, usage = `/${name}` }) => ({ name, summary, usage: usage.split('\n') }))
  })
})
