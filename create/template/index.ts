import { Type } from '@sinclair/typebox'
import { RpcError } from 'flynn-gateway/rpc'
import { defineTool, ToolError } from 'flynn-gateway/tools'
import { defineMethod, gatewayPlugin, named } from 'flynn-gateway/types'

/** Options of the plugin. Wrong or unknown ones stop the start of the gateway. */
const Options = Type.Object({
  greeting: Type.String({ minLength: 1, default: 'Hello', description: 'First word of every greeting' }),
  strangers: Type.Array(Type.String(), { default: [], description: 'Names that are not greeted' })
})

const Name = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false })
const Greeting = named('Greeting', Type.Object({ text: Type.String() }))

// Programs that use the client and import this package get the types of the method and of the event.
declare module 'flynn-gateway/client' {
  interface GatewayMethods {
    '__group__.greet': { params: { name: string }; result: { text: string }; events: Record<never, never> }
  }
  interface GatewayEvents {
    '__group__.greeted': { name: string }
  }
}

export default gatewayPlugin(
  { name: '__name__', dependencies: ['rpc', 'tools', 'bus'], options: Options },
  async (app, { greeting, strangers }) => {
    /** Undefined for a stranger. */
    const greet = (name: string): string | undefined => (strangers.includes(name) ? undefined : `${greeting}, ${name}!`)

    // Clients ask for it with system.hello and receive it in the sessions that they follow.
    app.rpc.event('__group__.greeted', Name, { scope: 'read' })

    app.rpc.method(
      defineMethod({
        name: '__group__.greet',
        summary: 'Greet a person by name',
        scope: 'read',
        params: Name,
        result: Greeting,
        examples: [{ params: { name: 'Ann' }, result: { text: 'Hello, Ann!' } }],
        handler({ name }, { connection }) {
          const text = greet(name)
          if (text === undefined) throw new RpcError('InvalidRequest', `params.name must not be ${name}: a stranger`)
          if (connection) app.bus.notify(connection.sessionId, '', '__group__.greeted', { name })
          return { text }
        }
      })
    )

    app.tools.add(
      defineTool({
        name: '__group__.greet',
        description: 'Greeting for a person. Use it whenever somebody asks to be greeted.',
        input: Name,
        async run({ name }) {
          const text = greet(name)
          if (text === undefined) throw new ToolError(`${name} is a stranger`)
          return text
        }
      })
    )
  }
)
