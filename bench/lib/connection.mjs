// One kept-alive connection with one request under way. Much lighter than a full HTTP client, so that the generator leaves
// the machine to the servers.
import net from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

export class Connection {
  constructor(url) {
    const { hostname, port } = new URL(url);
    this.socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    this.socket.on('data', (chunk) => this.take(chunk));
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('close', () => this.fail(new Error('connection closed')));
  }

  /** Calls back with (error, status, body) when the answer is complete. */
  send(text, done) {
    this.done = done;
    this.socket.write(text, 'latin1');
  }

  request(text) {
    return new Promise((resolve, reject) => {
      this.send(text, (error, status, body) => (error ? reject(error) : resolve({ status, body: body.toString() })));
    });
  }

  close() {
    this.done = undefined;
    this.socket.destroy();
  }

  take(chunk) {
    const answer = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    const headEnd = answer.indexOf(HEAD_END);
    const length = headEnd < 0 ? NaN : contentLength(answer.latin1Slice(0, headEnd));
    if (headEnd < 0 || answer.length < headEnd + 4 + length) {
      this.rest = answer;
      return;
    }
    this.rest = undefined;
    const status = (answer[9] - 48) * 100 + (answer[10] - 48) * 10 + answer[11] - 48;
    const { done } = this;
    this.done = undefined;
    done?.(undefined, status, answer.subarray(headEnd + 4));
  }

  fail(error) {
    const { done } = this;
    this.done = undefined;
    done?.(error);
  }
}

function contentLength(head) {
  const found = /\r\ncontent-length: (\d+)/i.exec(head);
  if (!found) throw new Error(`an answer without Content-Length: ${head}`);
  return Number(found[1]);
}

/** The text of a request. */
export function requestText({ method = 'GET', path, headers = {}, body }) {
  const all = { Host: '127.0.0.1', ...headers };
  const text = typeof body === 'object' ? JSON.stringify(body) : (body ?? '');
  if (typeof body === 'object') all['Content-Type'] = 'application/json';
  if (text !== '') all['Content-Length'] = Buffer.byteLength(text);
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

export const bearer = (token) => ({ Authorization: `Bearer ${token}` });
