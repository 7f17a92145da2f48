import createClient from 'openapi-fetch';
import { ROOT } from './address';
import type { components, paths } from './api';
import { session } from './session';

export type Schemas = components['schemas'];

/** Where the router's paths begin. */
export const BASE = new URL('console', ROOT).pathname;
/** The address of the API as a program would be given it. */
export const SITE = ROOT.replace(/\/$/, '');

export const api = createClient<paths>({
  baseUrl: SITE,
  cache: 'no-store',
  credentials: 'omit',
  referrerPolicy: 'no-referrer',
  redirect: 'error',
});

api.use({
  onRequest({ request }) {
    const current = session.get();
    if (current !== null && !request.headers.has('authorization'))
      request.headers.set('authorization', `Bearer ${current.token}`);
    return request;
  },
});

/** A refusal, as the server has said it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly reqId: string | null,
    readonly retryAfterS: number | null,
  ) {
    super(message);
  }
}

interface Answer<Data> {
  readonly data?: Data;
  readonly error?: unknown;
  readonly response: Response;
}

/** The listeners for a session that the server no longer accepts. */
const onRefused = new Set<() => void>();
export function whenRefused(listener: () => void): () => void {
  onRefused.add(listener);
  return () => onRefused.delete(listener);
}

/** The body of an answer. @throws ApiError */
export async function ask<Data>(answer: Promise<Answer<Data>>): Promise<Data> {
  const { data, error, response } = await answer.catch(() => {
    throw new ApiError(0, 'The server cannot be reached.', null, null);
  });
  if (response.ok && data !== undefined) return data;
  if (response.status === 401 && session.get() !== null) for (const listener of onRefused) listener();
  throw refusalOf(error, response);
}

function refusalOf(error: unknown, response: Response): ApiError {
  const body = (typeof error === 'object' && error !== null ? error : {}) as { message?: unknown; reqId?: unknown };
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError(
    response.status,
    messageOf(body.message) ?? `The server answered with status ${response.status}.`,
    typeof body.reqId === 'string' ? body.reqId : response.headers.get('x-request-id'),
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}

/** Invalid input is told as a list of issues. */
function messageOf(message: unknown): string | undefined {
  if (typeof message === 'string') return message;
  if (!Array.isArray(message)) return undefined;
  return (message as { path?: unknown[]; message?: unknown }[])
    .map(({ path, message: text }) => `${(path ?? []).join('.')}: ${String(text)}`)
    .join('; ');
}

/** A call that was refused may be tried again when the reason can pass. */
export function mayPass(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}
