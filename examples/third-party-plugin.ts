// A plugin of your own. It adds what a built-in one adds, with the same calls: options, a service, a store, an event, a method, a tool,
// a metric, a health check and a page of the dashboard.
import { readFile } from 'node:fs/promises'
import { Type } from '@sinclair/typebox'
import Fastify from 'fastify'
import gateway from 'flynn-gateway'
import { RpcError } from 'flynn-gateway/rpc'
import { defineTool, ToolError } from 'flynn-gateway/tools'
import { defineMethod, gatewayPlugin, named } from 'flynn-gateway/types'
import { Counter } from 'prom-client'

const Options = Type.Object({ skies: Type.Record(Type.String(), Type.String(), { description: 'Weather by city' }) })
const City = Type.Object({ city: Type.String({ minLength: 1, maxLength: 100 }) }, { additionalProperties: false })
const Weather = named(
  'Weather',
  Type.Object({ sky: Type.String(), asked: Type.Integer({ description: 'Questions about this city' }) })
)

type Lookup = (city: string) => Promise<{ sky: string; asked: number } | undefined>

// Only a plugin that adds a decorator needs this: `app.weather` then has a type in every plugin.
declare module 'flynn-gateway/types' {
  interface GatewayDecorators {
    weather: Lookup
  }
}

export const weather = gatewayPlugin(
  { name: 'weather', dependencies: ['rpc', 'tools', 'db', 'bus', 'metrics', 'doctor', 'panels'], options: Options },
  async (app, { skies }) => {
    const store = app.db.plugin('weather')
    const questions = new Counter({
      name: 'weather_questions_total',
      help: 'Questions about the weather',
      registers: [app.metrics.registry]
    })

    app.decorate('weather', async (city: string) => {
      const sky = skies[city]
      if (sky === undefined) return undefined
      questions.inc()
      // Retries until no one else has written in between.
      for (;;) {
        const last = await store.get(city)
        const asked = Number(last?.value ?? 0) + 1
        if (await store.compareAndSet(city, asked, last?.revision)) return { sky, asked }
      }
    })

    // Clients ask for it with system.hello and receive it in the sessions that they follow.
    app.rpc.event('weather.asked', City, { scope: 'read' })

    app.rpc.method(
      defineMethod({
        name: 'weather.today',
        summary: 'Weather of a city today',
        scope: 'read',
        params: City,
        result: Weather,
        examples: [{ params: { city: 'Lisbon' }, result: { sky: 'sunny', asked: 1 } }],
        async handler({ city }, { app, connection }) {
          const found = await app.weather(city)
          if (!found) throw new RpcError('InvalidRequest', `params.city must be one of ${Object.keys(skies).join(', ')}`)
          if (connection) app.bus.notify(connection.sessionId, '', 'weather.asked', { city })
          return found
        }
      })
    )

    app.tools.add(
      defineTool({
        name: 'weather.lookup',
        description: 'Weather of a city today. Use it for every question about the weather.',
        input: City,
        async run({ city }) {
          const found = await app.weather(city)
          if (!found) throw new ToolError(`unknown city: ${city}`)
          return `${found.sky} in ${city}`
        }
      })
    )

    app.doctor.check({
      name: 'weather',
      run: async () =>
        Object.keys(skies).length > 0
          ? { status: 'pass', message: `${Object.keys(skies).length} cities` }
          : { status: 'warn', message: 'no cities', fix: 'set the option skies' }
    })

    // A page of the dashboard: its module comes from the gateway, open like all files of pages, because it holds no secrets.
    const panel = await readFile(new URL('./weather-panel.js', import.meta.url))
    app.get('/weather/panel.js', { config: { auth: 'none' } }, (_request, reply) => reply.type('text/javascript').send(panel))
    app.panels.add({ id: 'weather', title: 'Weather', module: 'weather/panel.js', scope: 'read' })
  }
)

const app = Fastify({ logger: true })
await app.register(gateway, { plugins: [[weather, { skies: { Lisbon: 'sunny', Bergen: 'rainy' } }]] })
await app.listen({ port: Number(process.env.PORT ?? 18800) })
