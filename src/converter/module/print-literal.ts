/** A text in quotes, of the kind of which it holds fewer. */
export function printText(text: string): string {
  const singles = text.split("'").length - 1
  const doubles = text.split('"').length - 1
  const quote = singles > doubles ? '"' : "'"
  return `${quote}${escape(text, quote)}${quote}`
}

/** A text of several lines as it is. */
export function printLines(text: string): string {
  return `\`${escape(text, '`')}\``
}

/** A number as JavaScript reads it back, the same to the last bit. */
export function printNumber(value: number): string {
  if (Object.is(value, -0)) return '-0'
  return String(value).replace('e+', 'e')
}

/** A name where nothing else can be read from it; `__proto__` as a plain key would set the prototype. */
export function printKey(key: string): string {
  if (key === '__proto__') return "['__proto__']"
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : printText(key)
}

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

/** Control characters, halves of pairs and what ends a line are written out: editors and tools change them. */
function escape(text: string, quote: string): string {
  const characters = Array.from(text)
  return characters
    .map((character, index) => {
      if (character === quote) return `\\${character}`
      if (quote === '`' && character === '\n') return character
      if (quote === '`' && character === '$' && characters[index + 1] === '{') return '\\$'
      const name = named[character]
      if (name !== undefined) return name
      const isOdd = /[\p{Control}\u2028\u2029\ufeff\ufffe\uffff]|\p{Surrogate}/u.test(character)
      return isOdd ? `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}` : character
    })
    .join('')
}
