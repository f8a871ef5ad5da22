/** Loaded into the gateway of a soak with `--import`: answers each message of its parent with its memory after a full collection. */

export interface Memory {
  readonly rss: number
  readonly heap: number
  readonly buffers: number
}

process.on('message', () => {
  gc?.()
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  process.send?.({ rss, heap: heapUsed, buffers: arrayBuffers } satisfies Memory)
})
// The channel must not keep the gateway from ending, and its end is that of the soak.
process.channel?.unref()
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
