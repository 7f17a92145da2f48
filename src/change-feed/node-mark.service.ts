import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/**
 * The number of the last mark that this node has written, which it must find again. No earlier copy of the database contains
 * it: if it is missing, the database was set back, even if its transaction ids have passed the known ones.
 */
@Injectable()
export class NodeMarkService {
  readonly nodeId = randomUUID();
  private last = 0;
  private written = 0;

  /** A mark to write, larger than those before. */
  next(): number {
    return (this.last += 1);
  }

  confirm(mark: number): void {
    this.written = mark;
  }

  /** No mark is expected until the next one has been written. */
  expectNone(): void {
    this.written = 0;
  }

  /** The mark, or a larger one, that a read sent now must find; 0 if none is required. */
  expected(): number {
    return this.written;
  }

  /** Whether a read has missed the mark that was expected when it was sent. */
  isLost(found: string | null, expected: number): boolean {
    return this.written > 0 && Number(found ?? 0) < expected;
  }
}
