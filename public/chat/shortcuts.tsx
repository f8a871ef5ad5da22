import { Dialog } from '../ui/dialog.tsx'

const SHORTCUTS = [
  ['Enter', 'send the message'],
  ['Shift Enter', 'new line'],
  ['Escape', 'stop the agent; what waits goes on'],
  ['↑ in an empty field', 'the last message again'],
  ['Shift Escape', 'to the message field'],
  ['Ctrl Alt Enter', 'allow the tool that asks'],
  ['Ctrl Alt Backspace', 'refuse the tool that asks'],
  ['Ctrl Shift C', 'copy the last answer'],
  ['Ctrl K', 'go to a page or a conversation'],
  ['Ctrl /', 'this list']
] as const

/** All keys of the chat. */
export function ShortcutSheet({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <table>
        <thead>
          <tr>
            <th scope="col">Keys</th>
            <th scope="col">Action</th>
          </tr>
        </thead>
        <tbody>
          {SHORTCUTS.map(([keys, action]) => (
            <tr key={keys}>
              <td>
                <kbd>{keys}</kbd>
              </td>
              <td>{action}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted">On a Mac, Cmd stands for Ctrl.</p>
      <form method="dialog" class="actions">
        <button type="submit" class="primary">
          Close
        </button>
      </form>
    </Dialog>
  )
}
