/**
 * Every error this gateway can answer with. `docs/errors.md` and the OpenAPI document are generated from this table.
 * Four families are kept apart: the caller's mistake (4xx), a failed node (the job fails), trouble with an instance
 * (502/503/504, worth another try), and our own fault (500, generic text).
 */
export interface ErrorKind {
  /** HTTP status of an answer that carries this error. */
  readonly status: number
  /** The same for every occurrence of the code. */
  readonly title: string
  /** True when the same request, sent again later and unchanged, may succeed. */
  readonly retryable: boolean
  /** For the documentation: when it occurs and what to do. */
  readonly description: string
}

const kinds = {
  malformed_request: {
    status: 400,
    title: 'The request is not valid HTTP',
    retryable: false,
    description: 'The request line, a header or the framing of the body breaks the rules of HTTP.',
  },
  malformed_body: {
    status: 400,
    title: 'The request body cannot be read',
    retryable: false,
    description:
      'The body is not valid JSON, not valid multipart, or empty where parameters are needed. Send a JSON object.',
  },
  validation_error: {
    status: 400,
    title: 'A parameter is missing, unknown or out of range',
    retryable: false,
    description: 'Each entry of `errors` names one parameter by JSON pointer and says what is wrong with it.',
  },
  too_complex: {
    status: 400,
    title: 'The request body is nested too deeply or holds too many values',
    retryable: false,
    description: 'Bodies may be 64 levels deep and hold 100 000 values.',
  },
  invalid_header: {
    status: 400,
    title: 'A request header has a value that cannot be used',
    retryable: false,
    description: 'The detail names the header, the value and the rule.',
  },
  digest_mismatch: {
    status: 400,
    title: 'What arrived is not what the digest in the header says',
    retryable: true,
    description: '`Content-Digest` or `Repr-Digest` names another SHA-256. Nothing was kept; send it again.',
  },
  unauthorized: {
    status: 401,
    title: 'An API key is needed',
    retryable: false,
    description: 'Send `Authorization: Bearer <key>` or `X-API-Key: <key>`.',
  },
  host_not_allowed: {
    status: 403,
    title: 'The Host header is not one this server answers to',
    retryable: false,
    description: 'Protects against DNS re-binding. Start the server with `--allowed-hosts` naming the host.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'Requests from this web origin are refused',
    retryable: false,
    description: 'A web page of another origin may not change anything here.',
  },
  raw_prompts_off: {
    status: 403,
    title: 'This server takes no raw graphs',
    retryable: false,
    description:
      '`POST /prompt` runs any node that ComfyUI has. It is on where only this machine reaches the server; elsewhere start the server with `--raw-prompts on`.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing at this address',
    retryable: false,
    description: 'The detail names the nearest known workflow or route.',
  },
  job_not_found: {
    status: 404,
    title: 'There is no such job',
    retryable: false,
    description: 'Jobs and their outputs are forgotten some time after they ended; see `expires_at` of a job.',
  },
  instance_not_found: {
    status: 404,
    title: 'There is no such ComfyUI instance',
    retryable: false,
    description: '`GET /instances` lists the instances with their ids.',
  },
  output_not_found: {
    status: 404,
    title: 'The job has no such output',
    retryable: false,
    description: 'Outputs are numbered from 0 in the order of `outputs` in the job.',
  },
  asset_not_found: {
    status: 404,
    title: 'There is no such asset',
    retryable: false,
    description:
      'Assets are forgotten some time after their last use; see `expires_at`. Upload it again with `POST /assets`.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The route does not take this method',
    retryable: false,
    description: 'The `Allow` header lists the methods of the route.',
  },
  not_acceptable: {
    status: 406,
    title: 'The result cannot be given in an accepted form',
    retryable: false,
    description:
      'None of the media types in `Accept` can be served for this job. Images are converted to WebP, JPEG, AVIF and PNG where the package sharp is installed: `npm install sharp`.',
  },
  request_timeout: {
    status: 408,
    title: 'The request did not arrive in time',
    retryable: true,
    description: 'The headers or the body came too slowly, so the connection was closed.',
  },
  idempotency_conflict: {
    status: 409,
    title: 'The key or the id is not free yet, and its job cannot be shown',
    retryable: true,
    description:
      'Another request with the same Idempotency-Key or id is being accepted, or its job deleted, right now.',
  },
  id_conflict: {
    status: 409,
    title: 'The id that was chosen belongs to another job',
    retryable: false,
    description:
      'An id belongs to one caller and one request body for as long as its job is known. Choose another id for another job.',
  },
  job_not_retryable: {
    status: 409,
    title: 'The job has not ended',
    retryable: false,
    description: 'Only a job that has ended can be run again. Wait for its end, or cancel it.',
  },
  job_canceled: {
    status: 409,
    title: 'The job was canceled',
    retryable: false,
    description: 'Somebody canceled the job that this request waits for.',
  },
  input_expired: {
    status: 410,
    title: 'An input file of the job is gone',
    retryable: false,
    description: 'The media that the job was made of are not kept any more. Send them again with a new request.',
  },
  output_expired: {
    status: 410,
    title: 'The output is gone',
    retryable: false,
    description:
      'Outputs are kept for a limited time after the job ended, and the oldest give way when all together are larger than --outputs-max-gb. POST /jobs/{id}/retry makes it again.',
  },
  precondition_failed: {
    status: 412,
    title: 'The file is not the one that was expected',
    retryable: false,
    description: '`If-Match` or `If-Unmodified-Since` named another version than the one that is there.',
  },
  body_too_large: {
    status: 413,
    title: 'The request body is too large',
    retryable: false,
    description:
      'The detail names the limit: `--max-body-mb` for what is held in memory, `--max-file-mb` for each file of a form.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The content type of the request body is not supported',
    retryable: false,
    description: 'Send `application/json` or `multipart/form-data`.',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'The requested range lies outside of the output',
    retryable: false,
    description: 'The `Content-Range` header of the answer tells the size of the output.',
  },
  invalid_workflow: {
    status: 422,
    title: 'The graph that this request makes cannot be run',
    retryable: false,
    description:
      'ComfyUI refuses the graph, or would crash of it. Each entry of `errors` names the parameter (or, where none is behind it, the node and its input) that is to blame.',
  },
  unsafe_prompt: {
    status: 422,
    title: 'The graph that this request makes is not safe to run',
    retryable: false,
    description:
      'The graph would name a file or folder of the ComfyUI host that the caller chose. The detail names node and input.',
  },
  idempotency_key_reuse: {
    status: 422,
    title: 'The Idempotency-Key was used with another body',
    retryable: false,
    description: 'A key belongs to one request body for 24 hours. Use a new key for a new request.',
  },
  unsupported_input: {
    status: 422,
    title: 'A media parameter has a form or content that is not supported',
    retryable: false,
    description:
      'Send an https URL, a data URI, base64, a multipart part or the id of an asset (`{"asset": id}`); it must hold what the parameter takes. `errors` says what is wrong with it.',
  },
  url_unreachable: {
    status: 422,
    title: 'A media parameter is a URL that could not be fetched',
    retryable: true,
    description:
      'The host of the URL was not found or did not answer, answered that it cannot now, broke off, or was too slow. Try again, or send the media themselves.',
  },
  upgrade_required: {
    status: 426,
    title: 'This address speaks WebSocket',
    retryable: false,
    description:
      'Connect with a WebSocket client. The same events come as server-sent events from `/jobs/{id}/events` and `/events`.',
  },
  too_many_streams: {
    status: 429,
    title: 'Too many event streams are open',
    retryable: true,
    description:
      'One key, or one address where no key is asked for, may follow only so many at the same time. Close one, or ask for the job instead.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests from this caller',
    retryable: true,
    description:
      'The key, or the address where no key is asked for, has used up what `--rate-limit` allows. Try again after the number of seconds in `Retry-After`; `RateLimit` tells what is left.',
  },
  too_many_queued: {
    status: 429,
    title: 'Too many jobs of this caller are waiting',
    retryable: true,
    description:
      'The key, or the address where no key is asked for, has as many jobs in the queue as `--max-queued-per-key` allows. Wait for one of them, or cancel one.',
  },
  headers_too_large: {
    status: 431,
    title: 'The request headers are too large',
    retryable: false,
    description: 'All headers together may have 16 KiB.',
  },
  client_closed_request: {
    status: 499,
    title: 'The caller went away before the answer',
    retryable: false,
    description: 'Never seen by a caller; found in logs and in the job that was canceled because of it.',
  },
  execution_error: {
    status: 500,
    title: 'A node of the workflow failed',
    retryable: false,
    description: '`node` names the node, its class and the exception that ComfyUI reported.',
  },
  out_of_memory: {
    status: 500,
    title: 'The GPU ran out of memory',
    retryable: true,
    description: 'The workflow needs more memory than the instance had free. Try a smaller size or batch.',
  },
  workflow_failed: {
    status: 500,
    title: 'The workflow module could not build its graph',
    retryable: false,
    description:
      '`generateWorkflow` of the module threw, or returned something that is no prompt. The author of the module must mend it.',
  },
  conversion_failed: {
    status: 500,
    title: 'An image could not be converted',
    retryable: false,
    description:
      'Another format of an image was asked for, by `convert_output` or by `Accept`. The detail says why there is none. Ask for another format; where it was `Accept` that asked, the image is there as it was made.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong in the gateway',
    retryable: true,
    description: 'A fault of ours. The log holds the cause under the request id.',
  },
  conversion_unavailable: {
    status: 501,
    title: 'Images cannot be converted here',
    retryable: false,
    description:
      '`convert_output` needs the package sharp, which is not installed. Install it with `npm install sharp`, or leave the option out.',
  },
  upstream_error: {
    status: 502,
    title: 'ComfyUI answered something that cannot be used',
    retryable: true,
    description: 'An instance answered with an unexpected status or body, or an output could not be fetched from it.',
  },
  instance_lost: {
    status: 502,
    title: 'The ComfyUI instance lost the job',
    retryable: true,
    description: 'The instance restarted, or forgot the job, and no attempts are left.',
  },
  canceled_upstream: {
    status: 502,
    title: 'Somebody interrupted the job on the ComfyUI instance',
    retryable: true,
    description: 'The job was interrupted or deleted on the instance itself, not through this gateway.',
  },
  no_healthy_instance: {
    status: 503,
    title: 'No ComfyUI instance is reachable',
    retryable: true,
    description: 'Every configured instance is down. `GET /instances` says why.',
  },
  queue_full: {
    status: 503,
    title: 'The queue is full',
    retryable: true,
    description: 'Try again after the number of seconds in `Retry-After`.',
  },
  draining: {
    status: 503,
    title: 'The server is shutting down',
    retryable: true,
    description: 'No new jobs are accepted. Accepted jobs go on when the server is back.',
  },
  overloaded: {
    status: 503,
    title: 'The server is overloaded',
    retryable: true,
    description: 'The event loop or the memory of this process is over its limit. Try again later.',
  },
  storage_unavailable: {
    status: 503,
    title: 'The job cannot be stored',
    retryable: true,
    description: 'The data directory is full or not writable, so nothing is accepted.',
  },
  workflow_unavailable: {
    status: 503,
    title: 'The workflow cannot run here',
    retryable: false,
    description:
      'The module is broken, or no instance has a node or a model that it needs. The detail names what is missing.',
  },
  deadline_exceeded: {
    status: 504,
    title: 'The job did not end in time',
    retryable: true,
    description: 'The job was in the queue, or ran, for longer than its limit.',
  },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof kinds

/** The catalogue by code. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorKind>> = kinds

export const errorCodes = Object.keys(kinds) as readonly ErrorCode[]
