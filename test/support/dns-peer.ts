import { createSocket, type Socket } from 'node:dgram';

const TYPES = { A: 1, AAAA: 28 } as const;
const NO_SUCH_NAME = 3;

interface Question {
  readonly name: string;
  readonly type: number;
  /** The bytes of the question, which an answer repeats. */
  readonly bytes: Buffer;
}

/** The question of a message (RFC 1035 section 4.1.2), which begins behind the header. */
function questionIn(message: Buffer): Question {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at]!; length > 0; length = message[at]!) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const end = at + 5;
  return { name: labels.join('.'), type: message.readUInt16BE(at + 1), bytes: message.subarray(12, end) };
}

const record = (data: Buffer, type: number) => {
  const header = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([header, data]);
};

/** A name server on the loopback interface. It answers for the names it knows, and leaves others unanswered. */
export class DnsPeer {
  readonly asked: string[] = [];
  /** Addresses of IPv4 by name. An empty list is a name without any. */
  readonly names = new Map<string, string[]>();
  /** The addresses that a name has from its first answer on. */
  readonly next = new Map<string, string[]>();
  /** Names about which it says nothing at all. */
  isMute: (name: string) => boolean = () => false;

  private constructor(private readonly socket: Socket) {
    socket.on('message', (message, { port, address }) => {
      const question = questionIn(message);
      this.asked.push(question.name);
      if (this.isMute(question.name)) return;
      socket.send(this.answerTo(question, message), port, address);
      if (question.type === TYPES.A) this.moveOn(question.name);
    });
  }

  static async start(): Promise<DnsPeer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new DnsPeer(socket);
  }

  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  private answerTo({ name, type, bytes }: Question, message: Buffer): Buffer {
    const known = this.names.get(name.toLowerCase());
    const addresses = type === TYPES.A ? (known ?? []) : [];
    const header = Buffer.from(message.subarray(0, 12));
    header.writeUInt16BE(0x8180 | (known ? 0 : NO_SUCH_NAME), 2);
    header.writeUInt16BE(addresses.length, 6);
    header.writeUInt32BE(0, 8);
    const records = addresses.map((text) => record(Buffer.from(text.split('.').map(Number)), TYPES.A));
    return Buffer.concat([header, bytes, ...records]);
  }

  private moveOn(name: string): void {
    const addresses = this.next.get(name);
    if (addresses) this.names.set(name, addresses);
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }
}
