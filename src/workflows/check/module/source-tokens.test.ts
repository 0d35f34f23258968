import { expect, test } from 'vitest'
import { sourceTokens } from './source-tokens.ts'

function texts(source: string): readonly string[] | undefined {
  return sourceTokens(source)?.map(({ text }) => text)
}

test.each([
  ['names, numbers and signs', 'const a1 = 0x1F + 1_000.5e-3', ['const', 'a1', '=', '0x1F', '+', '1_000.5e-3']],
  ['strings of both kinds', `'it\\'s' "a\\"b" 'two\\\nlines'`, ["it's", 'a"b', 'twolines']],
  ['escapes', String.raw`'\u0041\x42\u{43}\n'`, ['ABC\n']],
  ['comments', `a // 'b' {\n/* c ' { */ d`, ['a', 'd']],
  ['templates without expressions', '`6`', ['6']],
  ['templates with expressions', "a(`x ${f({ b: `}${'}'}` })} '`, c)", ['a', '(', '`', ',', 'c', ')']],
  [
    'regular expressions',
    `a = /['{/]/g, b.replace(/\\/"/, c)`,
    ['a', '=', ',', 'b', '.', 'replace', '(', ',', 'c', ')'],
  ],
  ['divisions', `a / b / c; (a) / 'x'`, ['a', '/', 'b', '/', 'c', ';', '(', 'a', ')', '/', 'x']],
  ['private names and letters of all languages', '#größe ∑', ['#größe', '∑']],
])('reads %s', (_what, source, expected) => {
  expect(texts(source)).toEqual(expected)
})

test('counts lines through comments, strings and templates', () => {
  const tokens = sourceTokens('/*\n\n*/ a\n`\n` b\r\nc')
  expect(tokens?.map(({ text, line }) => [text, line])).toEqual([
    ['a', 3],
    ['\n', 4],
    ['b', 5],
    ['c', 6],
  ])
})

test.each(['(', '{]', '}', "'open", '"open\n"', '`open', '`${', "`${'}`"])('does not guess at %j', (source) => {
  expect(sourceTokens(source)).toBeUndefined()
})
