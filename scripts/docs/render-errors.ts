import { errorCatalogue, errorCodes } from '../../src/errors/error-catalogue.ts'

/** docs/errors.md, from the catalogue of errors. */
export function renderErrors(): string {
  const rows = errorCodes.map((code) => ({ code, ...errorCatalogue[code] })).toSorted((a, b) => a.status - b.status)
  return [
    '<!-- Generated from src/errors/error-catalogue.ts by `npm run docs:generate`. -->',
    '# Errors',
    'Every error is an `application/problem+json` document (RFC 9457) with a stable `code`. `retryable` says whether the ' +
      'same request, sent again later, may succeed.',
    [
      '| Status | Code | Retryable |',
      '| --- | --- | --- |',
      ...rows.map(
        ({ status, code, retryable }) => `| ${status} | [\`${code}\`](#${code}) | ${retryable ? 'yes' : 'no'} |`,
      ),
    ].join('\n'),
    ...rows.map(({ code, status, title, description }) => `## ${code}\n\n${status}: ${title}.\n\n${description}`),
    '',
  ].join('\n\n')
}
