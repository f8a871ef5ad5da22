/** A message as a lane sees it. `deaf`: the run of a turn that begins with it ignores its signal. */
export interface Message {
  readonly name: string
  readonly owner: string
  readonly priority: 'person' | 'system'
  readonly mode: 'collect' | 'followup' | 'steer' | 'steer_backlog' | 'interrupt'
  readonly cap: number
  readonly overflow: 'drop_old' | 'drop_new'
  readonly summarize: boolean
  readonly deaf: boolean
}

/** Where it is, and how often it was in a turn. While it waits: `offered` to the turn that runs, `seen` by one, `missed` by one. */
type Accepted = Message & {
  at: 'waits' | 'runs' | 'taken' | 'over'
  begun: number
  offered?: boolean
  seen?: boolean
  missed?: boolean
}

const isSteer = ({ mode }: Message): boolean => mode === 'steer' || mode === 'steer_backlog'
const isPerson = ({ priority }: Message): boolean => priority === 'person'
const nameOf = ({ name }: Message): string => name

/** What a lane does, in plain words. Time and slots are left out: whoever drives it says when the next turn may `begin`. */
export class Model {
  /** In the order of sending. */
  readonly #messages: Accepted[] = []
  /** What its owner's next turn is told was dropped. */
  #dropped: Message[] = []
  /** Whether a run is being stopped. */
  stopping = false
  readonly outcomes: [name: string, outcome: string][] = []

  /** In the order of their turns: people's messages before those of machines. */
  get waiting(): Accepted[] {
    const waiting = this.#messages.filter(({ at }) => at === 'waits')
    return [...waiting.filter(isPerson), ...waiting.filter((message) => !isPerson(message))]
  }

  /** Those of the turn, and those it took. */
  get running(): Accepted[] {
    return this.#messages.filter(({ at }) => at === 'runs' || at === 'taken')
  }

  send(message: Message): void {
    const idle = this.running.length === 0 && this.waiting.length === 0
    // A lane that has nothing to do is forgotten, and what it dropped with it.
    if (idle) this.#dropped = []
    // An interruption supersedes what waits, and stops the run. Anything else needs room to wait, unless it starts at once.
    if (message.mode === 'interrupt') this.#end(this.waiting, 'superseded, waiting')
    else if (!idle && !this.#makeRoom(message)) return
    // A steer is offered to the run, but does not overtake an earlier one of its owner that no run has seen.
    const behind = this.waiting.some((other) => isSteer(other) && other.owner === message.owner && !other.offered && !other.seen)
    // What a run does, it does with the rights of the one it runs for.
    const ofOwner = this.running.some(({ owner }) => owner === message.owner)
    const offered = isSteer(message) && !behind && ofOwner && !this.stopping
    this.#messages.push({ ...message, at: 'waits', begun: 0, offered, missed: isSteer(message) && !offered && !idle })
    if (message.mode === 'interrupt') this.#stop()
  }

  /** As the newcomer's policy says: machines' messages go first, people's never for a machine's, and none that a run has seen. */
  #makeRoom(message: Message): boolean {
    const excess = Math.max(0, this.waiting.length + 1 - message.cap)
    const machines = this.waiting.filter((other) => !isPerson(other))
    const people = isPerson(message) ? this.waiting.filter(isPerson) : []
    const victims = [...machines, ...people].filter(({ seen }) => !seen).slice(0, excess)
    const refused = victims.length < excess || (excess > 0 && message.overflow === 'drop_new')
    const gone = refused ? [message] : victims
    if (message.summarize) this.#dropped = [...this.#dropped, ...gone].slice(-20)
    this.#end(gone, 'overflow, waiting')
    return !refused
  }

  /** A turn is one message; or, to be collected, all of its owner's up to the next that stands for itself. */
  begin(): { messages: string[]; backlog: boolean; again: boolean; dropped: string[] } {
    const first = this.waiting[0]!
    const own = this.waiting.filter(({ owner, priority }) => owner === first.owner && priority === first.priority)
    const other = own.findIndex(({ mode }) => mode !== 'collect')
    const messages = other === 0 ? [first] : own.slice(0, other === -1 ? own.length : other)
    const dropped = this.#dropped.filter(({ owner }) => owner === first.owner).map(nameOf)
    this.#dropped = this.#dropped.filter(({ owner }) => owner !== first.owner)
    const turn = { messages: messages.map(nameOf), backlog: first.seen === true, again: first.begun > 0, dropped }
    for (const message of messages) Object.assign(message, { at: 'runs', begun: message.begun + 1 })
    return turn
  }

  /** The run looks at what was steered. A steer ends with the run from then on; a steer_backlog waits for a turn of its own. */
  take(): string[] {
    const offered = this.stopping ? [] : this.waiting.filter((message) => message.offered)
    for (const message of offered) {
      if (message.mode === 'steer') Object.assign(message, { at: 'taken', begun: message.begun + 1 })
      else Object.assign(message, { offered: false, seen: true })
    }
    return offered.map(nameOf)
  }

  /** The run ends, and with it all its messages, as it did or as it was stopped. What it did not take waits on. */
  end(result: string): void {
    const count = this.running.filter(({ at }) => at === 'runs').length
    for (const one of this.running) {
      const how = one.at === 'taken' ? 'steered ' : count > 1 ? `collected ${count} ` : ''
      const note = `${one.seen ? ' again' : ''}${one.missed ? ' (followup)' : ''}`
      this.#end([one], this.stopping ? 'cancelled, running' : result === 'done' ? `${how}done${note}` : result)
    }
    for (const message of this.waiting) if (message.offered) Object.assign(message, { offered: false, missed: true })
    this.stopping = false
  }

  /** First what waits, which is all that is to be cleared; then the run, where `running` and where it began with one of them. */
  cancel(hit: (message: Message) => boolean, running: boolean): void {
    this.#end(this.waiting.filter(hit), 'cancelled, waiting')
    if (running && this.running.some((message) => message.at === 'runs' && hit(message))) this.#stop()
  }

  /** The process died. What waited waits again, as it came; what had begun is interrupted, or begins again, three times at the most. */
  restart(recovery: 'retry' | 'abandon'): void {
    if (recovery === 'abandon') this.#end(this.running, 'interrupted')
    const tired = this.running.filter(({ begun }) => begun >= 3)
    this.#end(tired, 'failed')
    for (const one of [...this.running, ...this.waiting]) {
      Object.assign(one, { at: 'waits', offered: false, seen: false, missed: isSteer(one) })
    }
    this.#dropped = []
    this.stopping = false
  }

  #stop(): void {
    const [first] = this.running
    if (first === undefined || this.stopping) return
    this.stopping = true
    if (!first.deaf) this.end('stopped')
  }

  #end(messages: readonly Message[], outcome: string): void {
    for (const message of messages) {
      this.outcomes.push([message.name, outcome])
      Object.assign(message, { at: 'over' })
    }
  }
}
