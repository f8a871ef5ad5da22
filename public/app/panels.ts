import { signal } from '@preact/signals'
import type { GatewayMethods } from '../../rpc/client/index.ts'
import { client } from './gateway.ts'

/** A page that a plugin of the gateway adds. */
export type Panel = GatewayMethods['panels.list']['result']['panels'][number]

/** Panels that the credential may see; undefined until the gateway has named them. */
export const panels = signal<readonly Panel[] | undefined>(undefined)

// After each connect: a restart may have brought others, and another credential may see others.
client.onConnected(() => {
  void client.call('panels.list', {}).then(
    (answer) => {
      panels.value = answer.panels
    },
    // An older gateway has none.
    () => {
      panels.value ??= []
    }
  )
})
