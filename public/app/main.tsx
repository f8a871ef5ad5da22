import { render } from 'preact'
import '../ui/style.css'
import { client } from './gateway.ts'
import { startRouter } from './router.ts'
import { Shell } from './shell.tsx'

startRouter()
client.connect()
render(<Shell />, document.getElementById('app')!)
