// A plugin of your own: a service, a tool that the agent uses, and a method that clients call.
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import gateway from 'flynn-gateway'
import { RpcError } from 'flynn-gateway/rpc'
import { defineTool, ToolError } from 'flynn-gateway/tools'
import { defineMethod, gatewayPlugin } from 'flynn-gateway/types'

type Weather = Map<string, string>

// Only a plugin that adds a decorator needs this: now `app.weather` has a type wherever the gateway's instance is used.
declare module 'flynn-gateway/types' {
  interface GatewayDecorators {
    weather: Weather
  }
}

const City = Type.Object({ city: Type.String({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false })

export const weather = gatewayPlugin<{ skies: Record<string, string> }>(
  { name: 'weather', dependencies: ['rpc', 'tools'] },
  async (app, { skies }) => {
    app.decorate('weather', new Map(Object.entries(skies)))

    app.tools.add(
      defineTool({
        name: 'weather.lookup',
        description: 'Weather of a city today. Use it for every question about the weather.',
        input: City,
        async run({ city }) {
          const sky = app.weather.get(city)
          if (sky === undefined) throw new ToolError(`unknown city: ${city}`)
          return `${sky} in ${city}`
        }
      })
    )

    app.rpc.method(
      defineMethod({
        name: 'weather.today',
        summary: 'The weather of a city today',
        scope: 'read',
        params: City,
        result: Type.Object({ sky: Type.String() }),
        examples: [{ params: { city: 'Lisbon' }, result: { sky: 'sunny' } }],
        handler({ city }, { app }) {
          const sky = app.weather.get(city)
          if (sky === undefined)
            throw new RpcError('InvalidRequest', `params.city must be one of ${[...app.weather.keys()].join(', ')}`)
          return { sky }
        }
      })
    )
  }
)

const app = Fastify({ logger: true })
await app.register(gateway, { plugins: [[weather, { skies: { Lisbon: 'sunny', Bergen: 'rainy' } }]] })
await app.listen({ port: Number(process.env.PORT ?? 18800) })
