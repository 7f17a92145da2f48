import type { DocumentedAnswers } from './documented-answers';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape; tests compare it whole
  readonly body: any;
}

export interface CallOptions {
  /** Sent as JSON, unless it is text already. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Somebody who calls the API over HTTP. */
export class ApiClient {
  constructor(
    private readonly url: string,
    private readonly documented: DocumentedAnswers,
    readonly token?: string,
  ) {}

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.call('GET', path, { headers });
  }

  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.call('POST', path, { body, headers });
  }

  patch(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.call('PATCH', path, { body, headers });
  }

  delete(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.call('DELETE', path, { body, headers });
  }

  async call(method: string, path: string, { body, headers = {} }: CallOptions = {}): Promise<Answer> {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${this.url}${path}`, {
      method,
      body: sent,
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    const text = await response.text();
    const parsed: unknown = text === '' ? undefined : JSON.parse(lastLine(response, text));
    this.documented.check(method, path, response.status, parsed);
    return { status: response.status, headers: response.headers, body: parsed };
  }
}

/** Of JSON lines the last, which says that all of them are there. */
function lastLine(response: Response, text: string): string {
  const isLines = response.headers.get('content-type')?.startsWith('application/x-ndjson') === true;
  return isLines ? text.trimEnd().split('\n').at(-1)! : text;
}

/** An answer of 200 whose body is exactly this. */
export function answered(body: unknown) {
  return { status: 200, headers: expect.anything(), body };
}

/** A refusal, its body compared whole. */
export function refused(statusCode: number, error: string, message: unknown, details?: unknown) {
  const reqId = expect.stringMatching(/^req-[A-Za-z0-9]{14}$/);
  const body = { reqId, statusCode, error, message, ...(details === undefined ? {} : { details }) };
  return { status: statusCode, headers: expect.anything(), body };
}

/** The 422 for these issues: code, path and message of each. */
export function invalid(...issues: [code: string, path: (string | number)[], message: string][]) {
  return refused(
    422,
    'ValidationFailure',
    issues.map(([code, path, message]) => ({ code, path, message })),
  );
}
