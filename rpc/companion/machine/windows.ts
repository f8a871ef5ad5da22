import { hostname } from 'node:os'
import { notificationOf, textOf, webAddressOf } from '../arguments.ts'
import { MAX_TEXT, offered } from '../offers.ts'
import type { Platform } from '../platform.ts'
import { powerStatus } from './battery.ts'
import { findProgram, read, run } from './program.ts'
import { type MachineOptions, picture } from './shared.ts'

/** Scripts are constants; texts come by the environment and stdin, which PowerShell never reads as a program. */
const NOTIFY = `
$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType=WindowsRuntime]
$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent(1)
$lines = $toast.GetElementsByTagName('text')
$null = $lines.Item(0).AppendChild($toast.CreateTextNode($env:FLYNN_TITLE))
$null = $lines.Item(1).AppendChild($toast.CreateTextNode([string]$env:FLYNN_BODY))
$program = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($program).Show([Windows.UI.Notifications.ToastNotification]::new($toast))`
const COPY = `
$reader = [IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false))
Set-Clipboard -Value $reader.ReadToEnd()`
const PASTE = `
[Console]::OutputEncoding = [Text.UTF8Encoding]::new($false)
[Console]::Out.Write([string](Get-Clipboard -Raw))`
const OPEN = 'Start-Process -FilePath $env:FLYNN_URL'
const CAPTURE = `
Add-Type -AssemblyName System.Windows.Forms, System.Drawing
$screen = [Windows.Forms.SystemInformation]::VirtualScreen
$bitmap = [Drawing.Bitmap]::new($screen.Width, $screen.Height)
$graphics = [Drawing.Graphics]::FromImage($bitmap)
$graphics.CopyFromScreen($screen.Location, [Drawing.Point]::Empty, $screen.Size)
$codec = [Drawing.Imaging.ImageCodecInfo]::GetImageEncoders() | Where-Object MimeType -eq 'image/jpeg'
$quality = [Drawing.Imaging.EncoderParameters]::new(1)
$quality.Param[0] = [Drawing.Imaging.EncoderParameter]::new([Drawing.Imaging.Encoder]::Quality, 40L)
$file = [IO.MemoryStream]::new()
$bitmap.Save($file, $codec, $quality)
[Console]::OpenStandardOutput().Write($file.ToArray(), 0, $file.Length)`

/** Windows: everything by Windows PowerShell, which every installation has. */
export async function windowsPlatform({ env = process.env, power = powerStatus }: MachineOptions = {}): Promise<Platform> {
  const powershell = await findProgram('powershell.exe', env)
  return {
    capabilities:
      powershell === undefined
        ? {}
        : offered({
            notifications: async (args, { signal }) => {
              const { title, body } = notificationOf(args)
              await run(powershell, script(NOTIFY), { signal, env: { FLYNN_TITLE: title, FLYNN_BODY: body } })
              return { shown: true }
            },
            'clipboard.read': async (_args, { signal }) => ({
              text: (await read(powershell, script(PASTE, '-Sta'), { signal })).toString()
            }),
            'clipboard.write': async (args, { signal }) => {
              await run(powershell, script(COPY, '-Sta'), { input: textOf(args, 'text', MAX_TEXT), signal })
              return { written: true }
            },
            'link.open': async (args, { signal }) => {
              await run(powershell, script(OPEN), { signal, env: { FLYNN_URL: webAddressOf(args) } })
              return { opened: true }
            },
            'screen.capture': async (_args, { signal }) => picture(await read(powershell, script(CAPTURE), { signal }))
          }),
    status: async () => ({ platform: 'windows', deviceName: hostname(), ...(await power()) })
  }
}

/** Arguments that run a constant script. */
function script(text: string, ...options: readonly string[]): string[] {
  const encoded = Buffer.from(`$ErrorActionPreference = 'Stop'\n${text}`, 'utf16le').toString('base64')
  return ['-NoLogo', '-NoProfile', '-NonInteractive', ...options, '-EncodedCommand', encoded]
}
