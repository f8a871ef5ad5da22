import type { CallPart, MessagePart, ReasoningPart, TurnPart } from '../../rpc/client/model/turn.ts'

export type WorkParts = readonly (CallPart | ReasoningPart)[]
export type AnswerPart = Exclude<TurnPart, MessagePart | CallPart | ReasoningPart>

/** A piece of an answer: one part, or calls and thoughts that follow each other. */
export type AnswerPiece =
  | { readonly kind: 'part'; readonly part: AnswerPart }
  | { readonly kind: 'work'; readonly parts: WorkParts }

/** A message, or the part of the answer up to the next message. `at`: place of its first part in the turn, which does not change. */
export type TurnSection =
  | { readonly kind: 'message'; readonly at: number; readonly message: MessagePart }
  | { readonly kind: 'answer'; readonly at: number; readonly pieces: readonly AnswerPiece[]; readonly parts: readonly TurnPart[] }

/** Sections of a turn: messages that follow each other are one each, what the agent says between them is one. */
export function sectionsOf(parts: readonly TurnPart[]): readonly TurnSection[] {
  const sections: TurnSection[] = []
  let from = 0
  while (from < parts.length) {
    const part = parts[from]!
    if (part.kind === 'message') {
      sections.push({ kind: 'message', at: from, message: part })
      from++
      continue
    }
    const next = parts.findIndex(({ kind }, at) => at > from && kind === 'message')
    const own = parts.slice(from, next < 0 ? undefined : next)
    sections.push({ kind: 'answer', at: from, pieces: piecesOf(own), parts: own })
    from += own.length
  }
  return sections
}

function piecesOf(parts: readonly TurnPart[]): readonly AnswerPiece[] {
  const pieces: AnswerPiece[] = []
  let work: (CallPart | ReasoningPart)[] = []
  for (const part of parts) {
    if (part.kind === 'call' || part.kind === 'reasoning') {
      if (work.length === 0) pieces.push({ kind: 'work', parts: work })
      work.push(part)
    } else {
      work = []
      pieces.push({ kind: 'part', part: part as AnswerPart })
    }
  }
  return pieces
}
