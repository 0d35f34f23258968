/** Columns of a glyph; one more is left free between two glyphs. */
export const glyphWidth = 5
export const glyphHeight = 7

const firstCode = 0x20

/* Blank to tilde, in lines of 16: seven rows a glyph, from the top, each row a digit of base 32 whose highest bit is the left column. */
const glyphs = [
  '0000000 4444404 aaa0000 aavavaa 4fke5u4 op248j3 cik8lid 4440000 2488842 8422248 04lel40 044v440 0000648 000v000 0000066 11248gg',
  'ehjlphe 4c4444e eh1248v v2421he 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c 0660660 0660648 248g842 00v0v00 8421248 eh12404',
  'ehnlnge ehhvhhh uhhuhhu ehggghe sihhhis vgguggv vgguggg ehgnhhf hhhvhhh e44444e 72222ic hikokih ggggggv hrllhhh hhpljhh ehhhhhe',
  'uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla hha4ahh hhha444 v1248gv e88888e gg84211 e22222e 4ah0000 000000v',
  '8420000 00e1fhf ggmphhu 00egghe 11djhhf 00ehvge 698s888 0fhhf1e ggmphhh 40c444e 20622ic ggikoki c44444e 00qllhh 00mphhh 00ehhhe',
  '00uhugg 00djf11 00mpggg 00ege1u 88s8896 00hhhjd 00hhha4 00hhlla 00ha4ah 00hhf1e 00v248v 2448442 4444444 8442448 008l200',
]
const unknownGlyph = 'vhhhhhv'

/** The seven rows of a character, each with the left column in bit 4; a box where the font has none. */
export function glyphRows(character: string): readonly number[] {
  const index = (character.codePointAt(0) ?? 0) - firstCode
  const glyph = glyphs[index >> 4]?.split(' ')[index & 15] ?? unknownGlyph
  return Array.from(glyph, (digit) => Number.parseInt(digit, 32))
}

/** The text with only characters that the font has, as far as accents can be left out. */
export function fontText(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll(/\p{Mn}/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
