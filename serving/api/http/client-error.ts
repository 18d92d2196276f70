import type { Socket } from 'node:net';
import { ApiProblem, PROBLEM_TYPE, problemBody } from './problem.ts';
import type { ProblemCode } from './problem.ts';

const CODES: ReadonlyMap<string, ProblemCode> = new Map<string, ProblemCode>([
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout'],
]);

/** Answers what is no HTTP request, and ends the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code = CODES.get(error.code ?? '') ?? 'invalid_request';
  const found = new ApiProblem(code, 'the request could not be read as HTTP');
  const body = problemBody(found, null);
  socket.end(
    `HTTP/1.1 ${found.status} Refused\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
