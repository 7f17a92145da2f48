import * as http from 'node:http';

/** What came of a call, and when: by the one clock of this process, whichever node was asked. */
export interface Reply {
  /** 0 when the connection broke before there was an answer. */
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape
  readonly body: any;
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface Call {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly body?: unknown;
  /** A body that is sent as it is, as JSON. */
  readonly text?: string | undefined;
  readonly headers?: Record<string, string>;
  readonly agent?: http.Agent;
}

export const keepAlive = (): http.Agent => new http.Agent({ keepAlive: true, maxSockets: 512 });

/** A call over HTTP. A broken connection is an answer too. */
export function call(url: string, options: Call = {}): Promise<Reply> {
  const { method = 'GET', token, body, headers = {}, agent } = options;
  const text = options.text ?? (body === undefined ? undefined : JSON.stringify(body));
  const sent = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
    ...headers,
  };
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const broken = () => resolve({ status: 0, headers: {}, body: undefined, startedAt, endedAt: performance.now() });
    const request = http.request(url, { method, headers: sent, agent }, (response) => {
      let answer = '';
      response
        .setEncoding('utf8')
        .on('data', (part: string) => (answer += part))
        .on('error', broken)
        .on('end', () => {
          const endedAt = performance.now();
          const { statusCode = 0, headers: said } = response;
          resolve({ status: statusCode, headers: said, body: parsed(answer), startedAt, endedAt });
        });
    });
    request.on('error', broken).end(text);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
