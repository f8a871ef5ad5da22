import { Component, type ComponentChild, type ComponentType, createElement } from 'preact'

/** A component that is drawn again only when one of its properties is another value, or something that it uses itself changed. */
export function memo<P extends object>(Inner: ComponentType<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const names = Object.keys(next) as (keyof P)[]
      return names.length !== Object.keys(this.props).length || names.some((name) => next[name] !== this.props[name])
    }
    override render(): ComponentChild {
      return createElement(Inner, this.props as P)
    }
  }
}
