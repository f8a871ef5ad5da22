// A conversation over the built client, in whatever runtime runs this: smoke.mjs <client.js> <file-store.js> <url> <token> <folder>
import process from 'node:process'

const [client, fileStore, url, token, folder] = process.argv.slice(2)
const { connect, RpcError } = await import(client)
const store = (await import(fileStore)).fileStore(folder)

const gateway = connect(url, { token: async () => token, store })
const session = gateway.session(`cli:${folder.split('/').at(-1)}`)
const followed = []
const following = (async () => {
  for await (const { event } of session.follow()) {
    followed.push(event)
    if (event === 'done') return
  }
})()
await gateway.ready
const run = session.send('say hello from here')
let text = ''
for await (const piece of run.text()) text += piece
const { content } = await run
await following
const { total } = await gateway.call('sessions.list', { frontend: 'cli' })
const refused = await gateway.call('sessions.get', { sessionId: 'cli:none' }).catch((error) => error)
await gateway.close()

const fine = text === content && content.trim() === 'hello from here' && total > 0 && followed.at(-1) === 'done'
if (!fine || !(refused instanceof RpcError) || refused.code !== 1)
  throw new Error(JSON.stringify({ text, content, total, followed, refused }))
process.stdout.write('fine\n')
