export type { Schedule } from './schedule.ts'
export { type MessageContent, SessionModel, type SessionModelOptions } from './session-model.ts'
export type { HistoryState, LaneView, PendingConfirmation, SessionSnapshot, WaitingMessage } from './snapshot.ts'
export type {
  CallPart,
  ChatTurn,
  ContextPart,
  FilePart,
  MessagePart,
  NoticePart,
  ReasoningPart,
  ReplyPart,
  TextPart,
  TurnError,
  TurnFile,
  TurnPart,
  TurnState
} from './turn.ts'
