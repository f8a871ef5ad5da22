/** Four states; each has a colour, a shape and a word, so that no one depends on colours. */
export type Tone = 'good' | 'wait' | 'bad' | 'idle'
