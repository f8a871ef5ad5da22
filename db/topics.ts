import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Languages whose common words are left out. All at once, because the language of a message is unknown. */
const LANGUAGES =
  'eng deu fra spa ita por porBr nld swe dan nob fin pol ces slk hun ron hrv rus ukr bul ell tur ara fas heb hin ben urd jpn kor zho tha ind vie'

/** Words that people say to an assistant about any topic, beyond the lists of the package, which are short for some languages. */
const ASKING = `
  able actually add again already always anything around ask back become been being best better bit bring call came cannot change check come
  could couldn currently didn different doesn doing don done dont each either else ever every everything explain fine first found full
  gave get getting give given goes going gone gonna good got great guess had hasn haven having hello help here hers herself hey hey
  himself how however i'm instead isn it's itself just keep kind knew know known last later least left less let lets little long look
  looking looks lot made main many maybe mean means mind mine more most much must myself nah need needed needs never new next nice
  non none nope not nothing now off often okay old once one only other others ought ours ourselves over own part please possible
  probably put quite rather really right said same saw says see seem seems seen shall shouldn show since some somehow someone
  something soon sorry still stuff such sure take tell thank thanks that's their theirs themselves then there these they thing things
  think those though three thus time times today together told tomorrow too took tried try trying two under until upon used uses
  using usually very wait wanna wanted wants wasn way ways well went weren what's whatever when whenever where whether which while
  whole whose why within without won wonder word words work working works worth wouldn yeah yep yes yesterday yet you're your yours
  yourself
  bitte danke hallo heute morgen bonjour salut merci voudrais peux hola gracias quiero puedes puedo cómo cuál dónde cuándo buenos favor
  ciao grazie vorrei olá obrigado quero pode alsjeblieft bedankt hoi hej tack cześć proszę dziękuję привет пожалуйста спасибо можешь
  merhaba lütfen teşekkürler
  我们 你们 他们 她们 它们 自己 大家 想要 需要 什么 怎么 怎样 为什么 哪里 可以 可能 应该 如果 因为 所以 但是 而且 还是 或者 这个 那个 这些 那些 一个 一下
  没有 不是 就是 现在 今天 明天 昨天 请问 谢谢 你好 您好 帮我 帮忙 告诉 知道 觉得 已经
  ください お願い こんにちは ありがとう ござい どう どの どこ なに 教え 今日 明日 昨日 안녕하세요 감사합니다 주세요`

let stopped: ReadonlySet<string> | undefined

/** Words that say no topic. Read at the first message: an idle gateway does not need them. */
function stoppedWords(): ReadonlySet<string> {
  if (stopped) return stopped
  // By language, as ISO 639-3 calls it. As CommonJS: the module has a file for each, and Node would read them all.
  const lists = require('stopword') as Readonly<Record<string, readonly string[]>>
  stopped = new Set([...LANGUAGES.split(' ').flatMap((language) => lists[language] ?? []), ...ASKING.split(/\s+/)])
  return stopped
}

/** Characters of a message that are read. The beginning of a long one says its topic; the rest is often pasted. */
const CHARACTERS = 4096
/** Limit on the topics of one message. */
export const TOPICS = 24
/** Length of a word. A shorter one says little, except in scripts that write a syllable or more with each sign. */
const SHORTEST = 3
const LONGEST = 32
/** Length of a word with digits. A longer one is a key or an id rather than a word. */
const LONGEST_WITH_DIGITS = 10

// No expression here backtracks over more than a few characters: hostile text costs no more than any other.
const ADDRESS = /[a-z]{2,12}:\/\/[\x21-\x7e]*/gi
const RUN = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)*/gu
/** Scripts that are written without spaces between words. */
const UNSPACED = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]/u

const segmenter = new Intl.Segmenter('und', { granularity: 'word' })

/**
 * Words that say the topic of a text, each once, in lower case and in their order: without common words, numbers and addresses.
 * Time is linear in the characters read, which are bounded.
 */
export function topicsOf(text: string): string[] {
  const topics = new Set<string>()
  for (const word of wordsOf(text)) {
    if (isTopic(word)) topics.add(word)
    if (topics.size === TOPICS) break
  }
  return [...topics]
}

function* wordsOf(text: string): Generator<string> {
  const beginning = text.slice(0, CHARACTERS).normalize('NFKC').toLowerCase().replace(ADDRESS, ' ')
  for (const [run] of beginning.matchAll(RUN)) {
    if (UNSPACED.test(run)) {
      for (const { segment } of segmenter.segment(run)) yield* segment.split(/['’]/)
    } else if (!isStopped(run)) {
      yield* run.split(/['’]/)
    }
  }
}

function isTopic(word: string): boolean {
  if (word.length > LONGEST || isStopped(word) || !/\p{L}/u.test(word)) return false
  if (/\p{N}/u.test(word)) return word.length <= LONGEST_WITH_DIGITS
  return word.length >= (UNSPACED.test(word) ? SHORTEST - 1 : SHORTEST)
}

function isStopped(word: string): boolean {
  return stoppedWords().has(word.replaceAll('’', "'"))
}
