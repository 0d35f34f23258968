import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLinks, pathOf } from './links.ts'

const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/)
const paths = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`)
const query = fc.constantFrom('', '?', '?limit=1', '?after=/comfy')

test('what a link leads to is the route it was made of', () => {
  fc.assert(
    fc.property(paths, paths, query, (basePath, route, search) => {
      const links = createLinks({ basePath })
      expect(links.routeOf(links.path(route) + search)).toBe(route + search)
      expect(links.asked(links.path(route) + search)).toBe(links.path(route))
    }),
  )
})

test.each([
  ['/comfy', '/'],
  ['/comfy/', '/'],
  ['/comfy?x', '/?x'],
  ['/comfy//jobs', '//jobs'],
  ['/health', '/health'],
  ['/ready?verbose', '/ready?verbose'],
  ['/comfy/health', '/health'],
  ['/jobs', undefined],
  ['/comfyui/jobs', undefined],
  ['/x/comfy/jobs', undefined],
  ['/%63omfy/jobs', undefined],
  ['/health/x', undefined],
  ['http://localhost/comfy/jobs?limit=1', '/jobs?limit=1'],
  ['HTTPS://localhost:3000/comfy', '/'],
  ['http://localhost/jobs', undefined],
  ['http://localhost', undefined],
  ['ftp://localhost/comfy/jobs', undefined],
  ['', undefined],
  ['*', undefined],
])('below /comfy %j means %j', (target, route) => {
  expect(createLinks({ basePath: '/comfy' }).routeOf(target)).toBe(route)
})

test.each([
  ['/jobs', '/jobs'],
  ['/jobs?next=http://localhost/', '/jobs'],
  ['//evil.net/jobs', '//evil.net/jobs'],
  ['http://localhost/jobs?limit=1', '/jobs'],
  ['http://localhost', '/'],
  ['http://localhost?limit=1', '/'],
  ['*', '*'],
])('the path of %j is %j', (target, path) => {
  expect(pathOf(target)).toBe(path)
  expect(createLinks().asked(target)).toBe(path)
})

test('the address of everything is as whole as it is known', () => {
  const server = (options: Parameters<typeof createLinks>[0]) => createLinks(options).server
  expect([
    server({}),
    server({ basePath: '/a' }),
    server({ publicUrl: 'https://api.example.com' }),
    server({ basePath: '/a', publicUrl: 'https://api.example.com/b' }),
  ]).toEqual(['/', '/a', 'https://api.example.com', 'https://api.example.com/b'])
})
