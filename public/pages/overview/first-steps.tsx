import { hashOf } from '../../app/route.ts'
import { Chip } from '../../ui/chip.tsx'

/** The steps that make a new gateway useful, and which of them are done. */
export function FirstSteps({
  spoken,
  model,
  operate
}: {
  readonly spoken: boolean
  readonly model: boolean
  readonly operate: boolean
}) {
  return (
    <section class="card" aria-label="First steps">
      <h2>First steps</h2>
      <ol class="steps">
        <li>
          <Chip tone={spoken ? 'good' : 'idle'}>{spoken ? 'done' : 'to do'}</Chip> <a href="../">Send your first message</a> in
          the chat.
        </li>
        <li>
          <Chip tone={model ? 'good' : 'idle'}>{model ? 'done' : 'to do'}</Chip> Connect a model: without one, a built-in model
          answers that needs no network. Set <code>models.default</code> in the configuration, such as{' '}
          <code>{'ollama: { model: llama3.2 }'}</code>, then run <code>npx flynn-gateway call config.reload</code>.
        </li>
        {operate && (
          <li>
            <Chip tone="idle">any time</Chip> Let your phone in: <a href={hashOf(['people'])}>make a pairing code</a> and send it
            to the gateway from your messenger.
          </li>
        )}
      </ol>
    </section>
  )
}
