import type { ProviderError } from './define.ts'
import { answerLimitIn, isAnswerTooLong } from './refusal.ts'
import { isObject, type Json, objectsIn } from './wire-events.ts'

/** Members of a request that an answer is worth nothing without. */
const ESSENTIAL: ReadonlySet<string> = new Set(['model', 'messages', 'stream', 'tools'])

const NO_TOOLS =
  /(?:tool|function)s?(?:[\s_-]*(?:use|call(?:s|ing)?|choice))?\b[^.]{0,40}?\b(?:not (?:be )?support|unsupported|not (?:allowed|available|enabled|implemented)|requires?)|(?:(?:not|n't) (?:support|accept|allow)|unsupported|no endpoints found that support)\b[^.]{0,40}?\b(?:tool|function)[\s_-]?(?:use|call|s\b)/i
const NO_SYSTEM =
  /system (?:role|message|prompt|instruction)s?\b[^.]{0,30}?not (?:be )?(?:support|allowed|enabled)|role[^.]{0,30}?not support[^.]{0,20}?'?system|developer instruction is not enabled|only user,? (?:and )?assistant/i
const REFUSES =
  /not (?:be )?(?:support|permit|allow|recogni[sz]|accept|valid|implement|known)|unsupported|unknown|unrecogni[sz]ed|unexpected|extra (?:inputs|fields)|extra_forbidden|invalid|forbidden|no such|cannot find field|deprecated|use [`'"]?max_/i

/**
 * Members that one model does without, because its provider has refused a request for them. A refusal that names a member is learned once
 * and holds for all later calls of that model.
 */
export class Omissions {
  /** The model gets no tools. */
  tools = false
  /** The system prompt goes into the first message of the user. */
  system = false
  /** The most tokens of an answer, where the provider has named it. */
  answerTokens: number | undefined
  readonly #members = new Set<string>()
  readonly #toolNames = new Set<string>()

  /** Says of a tool, by its name on the wire, that requests leave it out. */
  leavesOut(wireName: string): boolean {
    return this.#toolNames.has(wireName)
  }

  /**
   * Learns from a refusal.
   * @param sent the body of the refused request
   * @returns name of the member that is left out from now on; undefined where the refusal names none
   */
  learn({ detail = '', status, reason }: ProviderError, sent: string): string | undefined {
    if (status === undefined || status === 401 || status === 403 || status === 429 || reason === 'credit' || sent === '')
      return undefined
    const body = parse(sent)
    if (body === undefined) return undefined
    return (
      this.#learnAnswer(detail, body) ??
      this.#learnTools(detail, body) ??
      this.#learnSystem(detail) ??
      this.#learnMember(detail, body)
    )
  }

  /** The body of a request without what the model does without. */
  edit(sent: string, parameters: Json): string {
    if (this.#members.size === 0 && Object.keys(parameters).length === 0) return sent
    const body = { ...parse(sent), ...parameters }
    for (const member of this.#members) {
      if (member === 'max_tokens' && body.max_tokens !== undefined) body.max_completion_tokens ??= body.max_tokens
      if (member === 'max_completion_tokens' && body.max_completion_tokens !== undefined)
        body.max_tokens ??= body.max_completion_tokens
      delete body[member]
    }
    return JSON.stringify(body)
  }

  #learnAnswer(detail: string, body: Json): string | undefined {
    if (!isAnswerTooLong(detail)) return undefined
    const asked = Number(body.max_tokens ?? body.max_completion_tokens)
    const limit = answerLimitIn(detail) ?? Math.floor(asked / 2)
    if (!(limit > 0) || !(limit < asked)) return undefined
    this.answerTokens = limit
    return `answers of more than ${limit} tokens`
  }

  #learnTools(detail: string, body: Json): string | undefined {
    if (this.tools || !Array.isArray(body.tools)) return undefined
    const names = body.tools.map((tool) => nameOf(tool))
    const at = /\btools[.[](\d+)/.exec(detail)?.[1]
    const quoted = /(?:function|tool)s? (?:schema |named |with name )?[`'"]([A-Za-z0-9_-]{1,64})[`'"]/i.exec(detail)?.[1]
    const named = at === undefined ? quoted : names[Number(at)]
    if (named !== undefined && names.includes(named)) {
      this.#toolNames.add(named)
      return `the tool ${named}`
    }
    if (!NO_TOOLS.test(detail) && !refusesMember(detail, 'tools') && !refusesMember(detail, 'functions')) return undefined
    this.tools = true
    return 'tools'
  }

  #learnSystem(detail: string): string | undefined {
    if (this.system || !NO_SYSTEM.test(detail)) return undefined
    this.system = true
    return 'the system role'
  }

  #learnMember(detail: string, body: Json): string | undefined {
    const names = Object.keys(body).filter(
      (name) => !ESSENTIAL.has(name) && !this.#members.has(name) && refusesMember(detail, name)
    )
    // The first that is named: others may be given as what to use in its place.
    const [member] = names.sort((one, other) => detail.indexOf(one) - detail.indexOf(other))
    // Anthropic takes no request without a limit.
    if (member === undefined || (member === 'max_tokens' && detail.includes('required'))) return undefined
    this.#members.add(member)
    return member
  }
}

function refusesMember(detail: string, member: string): boolean {
  return REFUSES.test(detail) && new RegExp(`(?<![\\w])${member.replace(/[^\w]/g, '\\$&')}(?![\\w])`, 'i').test(detail)
}

function nameOf(tool: unknown): string | undefined {
  const { name, function: called } = isObject(tool) ? tool : {}
  const known = isObject(called) ? called.name : name
  return typeof known === 'string' ? known : undefined
}

/** A body of ours is an object; one that is not has nothing to leave out. */
function parse(body: string): Json | undefined {
  return objectsIn([JSON.parse(body)])[0]
}
