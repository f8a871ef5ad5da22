import { useQuery } from '../app/query.ts'

const ANTHROPIC = `models:
  default:
    anthropic:
      api_key: \${ANTHROPIC_API_KEY}
      model: claude-sonnet-4-5`
const OLLAMA = `models:
  default:
    ollama:
      model: llama3.2`

/** Stands in an empty conversation: an invitation, and the way to a real model where there is none. */
export function NoModel() {
  const model = useQuery('system.info', {}, { kinds: ['config'] }).data?.model
  return (
    <div class="chat-welcome">
      <h2>What shall we talk about?</h2>
      <p class="muted">The conversation is kept on the gateway; every device that logs in continues it.</p>
      {model?.offline && (
        <aside class="card" aria-label="No model">
          <p>
            <strong>No model is configured.</strong> The built-in offline model answers: it repeats and recalls what you say, and
            calls a tool when you write <code>/tool NAME {'{json}'}</code>.
          </p>
          <details>
            <summary>How to connect a real one</summary>
            <p>
              Name it in the gateway's configuration file, <code>flynn.yaml</code>, and restart the gateway:
            </p>
            <pre>{ANTHROPIC}</pre>
            <p>or one that runs on your own machine:</p>
            <pre>{OLLAMA}</pre>
          </details>
        </aside>
      )}
    </div>
  )
}
