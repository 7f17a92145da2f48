import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSmallFile } from './small-file';

describe('a file that is read at the start', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'latchkey-small-'));
  const pipe = path.join(dir, 'pipe');
  execFileSync('mkfifo', [pipe]);

  it('is read whole, up to its greatest size, and a device without an end is longer', () => {
    const file = path.join(dir, 'file');
    writeFileSync(file, 'é'.repeat(5));
    expect(readSmallFile(file, 10, 1)).toBe('é'.repeat(5));
    expect(readSmallFile(file, 9, 1)).toBeUndefined();
    expect(readSmallFile('/dev/zero', 1_000, 1)).toBeUndefined();
    expect(() => readSmallFile(path.join(dir, 'none'), 10, 1)).toThrow('ENOENT');
    expect(() => readSmallFile(dir, 10, 1)).toThrow('EISDIR');
  });

  it('may be a pipe, for which nothing waits without end', () => {
    expect(readSmallFile(pipe, 10, 1)).toBe('');
    const writer = openSync(pipe, constants.O_RDWR);
    expect(() => readSmallFile(pipe, 10, 50)).toThrow(expect.objectContaining({ code: 'ETIMEDOUT' }) as Error);
    writeSync(writer, 'text');
    expect(() => readSmallFile(pipe, 3, 50)).not.toThrow();
    closeSync(writer);
  });
});
