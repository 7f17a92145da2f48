import * as net from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of any shape; tests compare it whole
  readonly body: any;
}

/** Sends a request byte by byte as it is written here: for what no HTTP client would send. The text is Latin-1. */
export function sendRaw(url: string, request: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname);
    let received = '';
    let failure: Error | undefined;
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    // A server that has answered may close before it has read everything: what it answered counts.
    socket.on('error', (error) => (failure = error));
    socket.on('close', () => {
      if (received === '') reject(failure ?? new Error('closed without an answer'));
      else resolve(answerOf(received));
    });
    socket.write(request, 'latin1');
  });
}

/** The text of a request. It asks for the connection to be closed, which is how the end of the answer is known. */
export function requestText(
  method: string,
  target: string,
  headers: readonly (readonly [name: string, value: string])[] = [],
  body = '',
): string {
  const length = body === '' ? [] : [['Content-Length', String(Buffer.byteLength(body, 'latin1'))] as const];
  const all = [['Host', '127.0.0.1'], ['Connection', 'close'], ...length, ...headers] as const;
  return `${method} ${target} HTTP/1.1\r\n${all.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

function answerOf(received: string): RawAnswer {
  const end = received.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(/: ?(.*)/).slice(0, 2) as [string, string]));
  const sent = received.slice(end + 4);
  const text = headers.get('transfer-encoding') === 'chunked' ? joined(sent) : sent;
  // Of JSON lines the last, which says that all of them are there.
  const json = headers.get('content-type')?.startsWith('application/x-ndjson')
    ? text.trimEnd().split('\n').at(-1)!
    : text;
  return { status: Number(statusLine.split(' ')[1]), headers, body: json === '' ? undefined : JSON.parse(json) };
}

/** The body of chunks. Their lengths are in bytes. */
function joined(sent: string): string {
  let rest = Buffer.from(sent);
  const chunks: Buffer[] = [];
  for (;;) {
    const line = rest.indexOf('\r\n');
    const length = parseInt(rest.subarray(0, line).toString(), 16);
    if (!(length > 0)) return Buffer.concat(chunks).toString();
    chunks.push(rest.subarray(line + 2, line + 2 + length));
    rest = rest.subarray(line + 2 + length + 2);
  }
}
