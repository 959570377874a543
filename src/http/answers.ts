import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { codeOf, ERROR_CODES, type ErrorCode, OutageError } from '../errors.ts';
import type { Metrics, Page } from '../metrics.ts';

const STATUS_CODES: Partial<Record<ErrorCode, number>> = {
  SIGNATURE_INVALID: 401,
  BODY_MALFORMED: 400,
  BODY_TOO_LARGE: 413,
  ROUTE_UNKNOWN: 404,
  REQUEST_INVALID: 400,
  UNAUTHORIZED: 401,
  ORIGIN_REFUSED: 403,
};

/** The body of every error: a code and its general text, so that nobody learns which check refused a request. */
const bodyOf = (code: ErrorCode) => ({ error: { code, message: ERROR_CODES[code] } });

export function answerError(reply: FastifyReply, code: ErrorCode): FastifyReply {
  return reply.code(STATUS_CODES[code] ?? 500).send(bodyOf(code));
}

/**
 * Any error as the one shape. What is our own fault, or the queue's, is logged, and `onFault` hears of it; what a sender did wrong is
 * counted.
 */
export function createErrorHandler(log: Logger, onFault: (code: ErrorCode) => void = () => undefined) {
  return (error: FastifyError | Error, _request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof OutageError) {
      log.error({ code: error.code, err: error }, 'a request could not be served because something is away');
      onFault(error.code);
      return reply
        .code(503)
        .header('retry-after', Math.max(1, Math.ceil(error.retryAfterMs / 1_000)))
        .send(bodyOf(error.code));
    }
    const code = codeOf(error, codeOfStatus('statusCode' in error ? error.statusCode : undefined));
    if ((STATUS_CODES[code] ?? 500) >= 500) {
      log.error({ err: error }, 'a request failed by a fault of our own');
      onFault(code);
    }
    return answerError(reply, code);
  };
}

/** A store that answers nothing must not keep an operator waiting, nor their browser's connections. */
const PAGE_MS = 10_000;

/** The boundary of a page: what its routes throw, whatever it is, ends that one request, and is typed, logged and counted. */
export function boundPage(
  scope: FastifyInstance,
  page: Page,
  { log, metrics }: { log: Logger; metrics: Pick<Metrics, 'pageFailed'> },
): void {
  scope.setErrorHandler(createErrorHandler(log, (code) => metrics.pageFailed(page, code)));
  scope.addHook('onRoute', (route) => {
    route.handlerTimeout = PAGE_MS;
  });
}

/** What Fastify itself refuses has a status and no code of ours. */
function codeOfStatus(statusCode = 500): ErrorCode {
  if (statusCode === 413) return 'BODY_TOO_LARGE';
  return statusCode >= 400 && statusCode < 500 ? 'REQUEST_INVALID' : 'INTERNAL';
}

/** What is not HTTP, or too slow or too large to become a request, is answered in the same shape and cut. */
export function refuseClient(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const statusLine =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? '408 Request Timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request';
  const body = JSON.stringify(bodyOf('REQUEST_INVALID'));
  const head = `HTTP/1.1 ${statusLine}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  socket.end(`${head}connection: close\r\n\r\n${body}`, () => socket.destroy());
}
