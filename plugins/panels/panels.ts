import type { Caller, Requirement } from '../../rpc/define.ts'
import { allows } from '../../rpc/registry.ts'
import { NamedRegistry } from '../define.ts'

/** Limit on panels: a page shows all of them in its navigation. */
const MAX_PANELS = 50
const ID = /^[a-z][a-z0-9-]{0,31}$/
/** A path below the gateway: no other host, no way up. */
const MODULE = /^(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*\.m?js$/

/** A page of a plugin in the dashboard. */
export interface Panel {
  /** Part of its address: `#/panel/<id>`. */
  readonly id: string
  /** Name in the navigation. */
  readonly title: string
  /** JavaScript module that shows it: a path below the gateway, served by a route of the plugin. */
  readonly module: string
  /** Scope that a caller needs to see it. */
  readonly scope: Requirement
}

/** Pages that plugins add to the dashboard. */
export class Panels {
  readonly #panels = new NamedRegistry<Panel & { readonly name: string }>('panel')

  /** @throws Error, which stops the start, for an id that is taken or malformed, or a module elsewhere */
  add({ id, title, module, scope }: Panel): void {
    if (!ID.test(id))
      throw new Error(`panel '${id}': an id has at most 32 lower-case letters, digits and -, and begins with a letter`)
    if (title === '' || title.length > 64) throw new Error(`panel '${id}': a title has 1 to 64 characters`)
    if (!MODULE.test(module))
      throw new Error(`panel '${id}': module must be a path below the gateway that ends with .js, such as weather/panel.js`)
    if (this.#panels.list().length >= MAX_PANELS) throw new Error(`panel '${id}': there are ${MAX_PANELS} panels already`)
    this.#panels.add({ name: id, id, title, module, scope })
  }

  /** Panels that a caller may see, in the order in which they were added. */
  list(caller: Caller): Panel[] {
    return this.#panels.list().filter(({ scope }) => allows(caller, scope))
  }
}
