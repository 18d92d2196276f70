import type { FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEM_TYPE, problemBody, problemHeaders } from './problem.ts';
import type { ApiProblem } from './problem.ts';

export function sendProblem(found: ApiProblem, request: FastifyRequest, reply: FastifyReply): void {
  reply
    .code(found.status)
    .headers(problemHeaders(found))
    .header('content-type', PROBLEM_TYPE)
    .send(problemBody(found, request.id));
}
