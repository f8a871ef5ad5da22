import type { FailureReason, TokenCounts } from './define.ts'
import type { Said } from './words.ts'

/** Too much for the window of the model, in the words of those who say so. */
const TOO_LONG: readonly RegExp[] = [
  /context[\s_-]*(?:length|window|size|limit)[\s_-]*(?:has been |is |was )?exceed/i,
  /exceed\w*[^.]{0,60}?context[\s_-]*(?:length|window|size|limit)/i,
  /(?:maximum|max|available)[\s_]*(?:model[\s_]*)?(?:context|prompt|input|sequence)[\s_]*(?:length|size|tokens?)/i,
  /context[\s_]length[\s_]exceeded|exceed_context_size|string_above_max_length|context_length|model_max_prompt_tokens_exceeded/i,
  /(?:prompt|input|request|message|conversation|history|text|context)s?\b[^.]{0,40}?\b(?:is|are|was|were)?\s*(?:too|to) (?:long|large|big|many tokens)/i,
  /too many (?:total )?(?:input |prompt )?(?:tokens|text bytes)/i,
  /(?:prompt|input)\b[^.]{0,40}?\b(?:larger|longer|greater) than[^.]{0,40}?(?:context|max|limit|n_ctx)/i,
  /(?:tokens?|token count|prompt|input|request|messages?)\b[^.]{0,60}?\bexceed\w*\b[^.]{0,60}?\b(?:limit|maximum|max|tokens? allowed|supported)/i,
  /(?:exceed\w*|over)[^.]{0,30}?(?:model )?(?:token limit|tokens? (?:limit|allowed)|max(?:imum)? (?:length|tokens))/i,
  /range of input length should be/i,
  /reduce the length of the (?:messages|prompt|input|conversation)/i,
  /(?:tokens|prompt) to keep from the initial prompt|context the overflows|keep the first \d+ tokens/i,
  /request (?:body|entity|payload)?\s*too large|payload too large/i,
  /`?inputs`? (?:tokens )?\+ `?max_new_tokens`?/i,
  /only supports up to [\d,]+/i
]

/** About the answer and not about what was sent: `max_tokens` that a model does not take. */
const ANSWER_TOO_LONG: readonly RegExp[] = [
  /max_(?:completion_|output_|new_)?tokens\W[^.]{0,40}?(?:must be|should be|is too large|> ?[\d,]+|less than or equal|at most|valid range)/i,
  /invalid max_(?:completion_|output_)?tokens|maximum allowed number of output tokens|supports at most [\d,]+ completion tokens/i
]

const CREDIT =
  /insufficient[\s_](?:quota|balance|credit|funds)|credit balance|(?:exceeded|check) your (?:current )?(?:quota|plan)|out of credits?|(?:more|enough|no|any) credits?\b|billing|payment required|spend(?:ing)? limit|usage limit reached|account (?:is )?(?:not active|deactivated|suspended|overdue)|arrearage/i
const FILTERED =
  /content[\s_-]*(?:management |moderation )?(?:policy|filter)|responsibleaipolicy|flagged|moderation|data_?inspection|inappropriate|content exists risk|sensitive (?:content|word|information)|safety (?:system|filter|settings|policy|reasons)|prohibited (?:content|use)|violat\w+[^.]{0,60}?(?:polic|guideline|terms)|usage polic/i
const NO_VISION =
  /(?:image|vision|multi-?modal|picture|photo|pdf|document|audio|file|media)s?\b[^.]{0,60}?\b(?:not? (?:be )?support|unsupported|not (?:allowed|available|enabled|accept)|not a (?:vision|multimodal)|cannot|can't|is not|are not|not process|could not|invalid|unable|too (?:large|big|small|many))|(?:(?:not|n't) (?:support|accept|process|handle|allow|read|take)|unsupported|no endpoints found that support|could not process|unable to process|invalid|only (?:supports? )?text)\b[^.]{0,60}?\b(?:image|vision|multi-?modal|media|picture|pdf|document|file)|image_url|mmproj|only (?:supports )?text (?:content|input)|not an? (?:multi-?modal|vision)/i
const UNKNOWN_MODEL =
  /model[_\s]not[_\s]found|(?:unknown|no such|invalid|unsupported|unrecognized) model|model\b[^.]{0,120}?\b(?:does not exist|not found|not exist|isn't available|is not (?:available|supported|found|deployed|a valid)|unavailable|decommissioned|deprecated|been retired|not loaded)|not a valid model|no (?:allowed providers|endpoints found for)|deployment (?:for this resource )?does not exist|try pulling it|no models? loaded|not_found_error/i
const LOADING =
  /(?:model )?(?:is |currently |still )*(?:loading|warming up|starting up)|loading model|cold start|model is (?:not ready|being loaded)/i

/** The reason of a failed call, by its status and the provider's words. Words come first: statuses are used for many things. */
export function reasonOf(status: number | undefined, { text, page }: Said, hasFiles: boolean): FailureReason {
  if (page) return reasonOfPage(status)
  if (status === 402 || CREDIT.test(text)) return 'credit'
  if (status === 429) return 'limited'
  if (LOADING.test(text) && (status === undefined || status >= 500 || status === 409 || status === 425)) return 'loading'
  if (isAnswerTooLong(text)) return 'refused'
  if (status === 413 || TOO_LONG.some((words) => words.test(text))) return 'too_long'
  if (status === 401) return 'key'
  if (FILTERED.test(text) && isRefusable(status)) return 'filtered'
  if (hasFiles && NO_VISION.test(text)) return 'files'
  if (UNKNOWN_MODEL.test(text) && status !== 403 && (status === undefined || status < 500)) return 'unknown_model'
  if (status === 403) return 'key'
  if (status === 404) return 'unknown_model'
  if (status === 503 || status === 529 || /overloaded|at capacity|server (?:is )?busy/i.test(text)) return 'overloaded'
  return isRefusable(status) ? 'refused' : 'failed'
}

function reasonOfPage(status = 200): FailureReason {
  if (status === 413) return 'too_long'
  if (status === 429) return 'limited'
  if (status === 503) return 'overloaded'
  return status >= 500 ? 'failed' : 'login_page'
}

function isRefusable(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 409
}

/** The request fits, and the answer that it asks for is longer than the model gives. */
export function isAnswerTooLong(text: string): boolean {
  return (
    ANSWER_TOO_LONG.some((words) => words.test(text)) &&
    !/context (?:length|window|limit)s? (?:is|of|:)|exceed context limit|input tokens|`?inputs`? tokens/i.test(text)
  )
}

/** The most tokens of an answer, where a provider says so. */
export function answerLimitIn(text: string): number | undefined {
  const found =
    /(?:> ?|at most |less than or equal to `?|range of max_tokens is \[\d+, ?|between \d+ and |<= ?)([\d,]+)/i.exec(text)?.[1] ??
    undefined
  return found === undefined ? undefined : numberOf(found)
}

const LIMITS: readonly RegExp[] = [
  /([\d,]+) tokens? ?> ?(?<limit>[\d,]+)/i,
  /([\d,]+) \+ [\d,]+ > (?<limit>[\d,]+)/i,
  /(?:maximum|max|available|supported)\b[^.\d]{0,60}?(?<limit>[\d,]{3,})/i,
  /(?<limit>[\d,]{3,})[^.\d]{0,20}?(?:maximum|max)\b/i,
  /context (?:length|window|size)(?: of)?(?: only)?[^.\d]{0,20}?(?<limit>[\d,]{3,})/i,
  /(?:limit|allowed|only supports up to|cannot exceed|must be <=|should be \[\d+,|n_ctx)[^.\d]{0,24}?(?<limit>[\d,]{3,})/i
]
const SENT: readonly RegExp[] = [
  /(?<sent>[\d,]{3,}) tokens? ?>/i,
  /(?<sent>[\d,]{3,}) \+ [\d,]+ >/i,
  /(?:requested|resulted in|contains?|given:?|count (?:of|is)|count \(|has|request \()[^.\d]{0,24}?(?<sent>[\d,]{3,})/i
]

/** Numbers of tokens that a provider names in a refusal that is about the length of a request. */
export function tokenCountsIn(text: string): TokenCounts {
  const limit = first(LIMITS, text, 'limit')
  const sent = first(SENT, text, 'sent')
  return { limit, sent: sent !== undefined && limit !== undefined && sent > limit ? sent : undefined }
}

function first(all: readonly RegExp[], text: string, group: string): number | undefined {
  for (const words of all) {
    const found = words.exec(text)?.groups?.[group]
    if (found !== undefined) return numberOf(found)
  }
  return undefined
}

function numberOf(written: string): number | undefined {
  const number = Number(written.replaceAll(',', ''))
  return Number.isSafeInteger(number) && number > 0 ? number : undefined
}
