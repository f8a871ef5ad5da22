import { Shape, type Tone } from '../../ui/chip.tsx'
import { count, duration, revealed } from '../../ui/format.ts'
import { Table } from '../../ui/table.tsx'
import { argsOf, toolHash } from '../tools/link.ts'
import type { RunDetails } from './run.tsx'

type Step = RunDetails['steps'][number]

const TONES: Readonly<Record<NonNullable<Step['status']>, Tone>> = {
  running: 'wait',
  completed: 'good',
  failed: 'bad',
  cancelled: 'idle'
}

/** Height of a row of the drawing and its width, in its own units. */
const ROW = 14
const WIDTH = 1000

interface Shown {
  readonly run: RunDetails
  readonly end: number
  /** Replay: only what began before this time, as far as it had come. */
  readonly until: number | undefined
}

/** Calls of a run as bars on its time. The table beside it says the same in words. */
export function Timeline({ run: { acceptedAt, steps }, end, until }: Shown) {
  const total = Math.max(1, end - acceptedAt)
  const x = (time: number): number => (WIDTH * (Math.min(time, until ?? end) - acceptedAt)) / total
  return (
    <figure class="timeline">
      <svg
        viewBox={`0 0 ${WIDTH} ${steps.length * ROW}`}
        height={steps.length * ROW}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        {steps.map((step, at) =>
          until !== undefined && step.startedAt > until ? null : (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: steps only grow at the end
              key={at}
              class={step.status ? TONES[step.status] : 'moment'}
              x={Math.min(x(step.startedAt), WIDTH - 3)}
              y={at * ROW + 2}
              width={Math.max(3, x(step.endedAt ?? end) - x(step.startedAt))}
              height={ROW - 4}
            />
          )
        )}
        {until !== undefined && <rect class="now" x={x(until)} y={0} width={2} height={steps.length * ROW} />}
      </svg>
      <figcaption class="bar muted">
        <span>0</span>
        <span>{duration(total / 2)}</span>
        <span>{duration(total)}</span>
      </figcaption>
    </figure>
  )
}

/** Steps of a run in words. */
export function StepTable({
  run: { acceptedAt, steps, omittedSteps },
  end,
  until,
  chosen,
  onChoose
}: Shown & { readonly chosen: string | undefined; readonly onChoose: (at: number) => void }) {
  const rows = steps.map((step, at) => ({ step, at })).filter(({ step }) => until === undefined || step.startedAt <= until)
  return (
    <>
      <Table
        label="steps"
        rows={rows}
        id={({ at }) => String(at)}
        total={steps.length + omittedSteps}
        selected={chosen}
        empty={<p>Nothing has happened yet.</p>}
        columns={[
          { title: 'After', number: true, cell: ({ step }) => duration(Math.max(0, step.startedAt - acceptedAt)) },
          {
            title: 'Step',
            cell: ({ step, at }) => (
              <button type="button" class="plain" aria-expanded={String(at) === chosen} onClick={() => onChoose(at)}>
                {named(step)}
              </button>
            )
          },
          {
            title: 'State',
            cell: ({ step }) =>
              step.status && (
                <>
                  <Shape tone={TONES[step.status]} /> {step.status}
                  {step.error && <div class="muted">{revealed(step.error)}</div>}
                </>
              )
          },
          {
            title: 'Duration',
            number: true,
            cell: ({ step }) => (step.status ? duration((step.endedAt ?? end) - step.startedAt) : '')
          },
          {
            title: 'Tokens',
            number: true,
            cell: ({ step }) => (step.kind === 'model' ? count((step.inputTokens ?? 0) + (step.outputTokens ?? 0)) : '')
          }
        ]}
      />
      {omittedSteps > 0 && <p class="muted">{`${omittedSteps} calls are not kept: there were too many.`}</p>}
    </>
  )
}

/** Facts, arguments and output of the chosen step. */
export function StepDetails({ step, sessionId }: { readonly step: Step; readonly sessionId: string }) {
  const { kind, name, args, output, error, reason, provider, inputTokens, outputTokens } = step
  // Only the beginning of long arguments is kept: those lead nowhere.
  const tools = kind === 'tool' && name !== undefined ? toolHash(name, argsOf(args), sessionId) : undefined
  return (
    <section class="card" aria-label="Chosen step">
      <h2>{named(step)}</h2>
      {(provider || reason || inputTokens !== undefined) && (
        <p class="muted">
          {[provider, inputTokens !== undefined && `${count(inputTokens)} in, ${count(outputTokens ?? 0)} out`, reason]
            .filter(Boolean)
            .join(' · ')}
        </p>
      )}
      {error && (
        <p>
          <Shape tone="bad" /> {revealed(error)}
        </p>
      )}
      {args !== undefined && <h3>Arguments</h3>}
      {args !== undefined && <p class="plain-text">{revealed(args)}</p>}
      {tools && (
        <p>
          <a href={tools}>Open in Tools</a>
        </p>
      )}
      {output !== undefined && <h3>Output</h3>}
      {output !== undefined && <p class="plain-text">{revealed(output)}</p>}
      {args === undefined && output === undefined && !error && !provider && <p class="muted">A moment, without further facts.</p>}
    </section>
  )
}

function named({ kind, name }: Step): string {
  return name === undefined ? kind : `${kind} ${revealed(name)}`
}
