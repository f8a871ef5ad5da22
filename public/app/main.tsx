import { render } from 'preact'
import '../ui/style.css'
import { client } from './gateway.ts'
import { startRouter } from './router.ts'
import { Shell } from './shell.tsx'
import { applyTheme } from './theme.ts'
import { watchForUpdates } from './update.ts'

applyTheme()
startRouter()
watchForUpdates()
client.connect()
render(<Shell />, document.getElementById('app')!)
