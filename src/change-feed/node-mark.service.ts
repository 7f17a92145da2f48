import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/**
 * The number of what this node has written of itself last, which it must find again. No copy of the database that was made
 * before holds it: where it is missing the database was set back, though the ids of its transactions may have passed those
 * known since.
 */
@Injectable()
export class NodeMarkService {
  readonly nodeId = randomUUID();
  private last = 0;
  private written = 0;

  /** One to write, larger than those before. */
  next(): number {
    return (this.last += 1);
  }

  confirm(mark: number): void {
    this.written = mark;
  }

  /** Nothing is looked for until the next one has been written. */
  forget(): void {
    this.written = 0;
  }

  /** What a read that is sent now must find, or a larger one; 0 when nothing need be there. */
  expected(): number {
    return this.written;
  }

  /** Whether a read has not found what was expected when it was sent. */
  isLost(found: string | null, expected: number): boolean {
    return this.written > 0 && Number(found ?? 0) < expected;
  }
}
