/** Destination of the answer to a message that came over a channel. */
export interface StoredReply {
  readonly channel: string
  /** The channel's name of the conversation: the part of a session id after its colon, where that is not cut. */
  readonly conversation: string
  /** Anything else that the channel needs for its answer: a thread, the address of a service. Any JSON. */
  readonly context?: unknown
}

/** A text to deliver on a channel. */
export interface NewPost extends StoredReply {
  readonly text: string
}

export interface PostRow {
  readonly id: number
  readonly channel: string
  readonly conversation: string
  readonly context: unknown
  readonly text: string
  readonly createdAt: number
  /** Time of the next attempt. */
  readonly dueAt: number
  readonly attempts: number
  /** Delivered parts. An answer may be longer than one message of the channel. */
  readonly sent: number
}

/** Texts that wait for their delivery on channels, in each conversation one after the other. Delivered ones are removed. */
export interface OutboxStore {
  add(post: NewPost, now: number): Promise<void>
  /** The first post of each conversation that is due, oldest first. */
  due(now: number, limit: number): Promise<PostRow[]>
  /** Records the number of delivered parts. */
  progress(id: number, sent: number): Promise<void>
  /** Schedules another attempt after a failed one. */
  postpone(id: number, dueAt: number): Promise<void>
  remove(id: number): Promise<void>
}
