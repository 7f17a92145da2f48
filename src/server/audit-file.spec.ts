import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { LoggedEvent } from '../audit-log/logged-event';
import { appendEvents, followIntoFile } from './audit-file';

const event = (id: string) => ({ id, event: { type: 'create-identity', metadata: { name: 'ä\n' } } }) as LoggedEvent;

describe('the file of the audit log', () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const linesIn = (file: string) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');

  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'latchkey-audit-file-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has each event on a line, behind what was there, and is readable by its owner alone', async () => {
    const file = at('audit.jsonl');
    await appendEvents(file, [event('1'), event('2')]);
    await appendEvents(file, [event('3')]);
    expect(linesIn(file).map((line) => (JSON.parse(line) as LoggedEvent).id)).toEqual(['1', '2', '3']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('keeps lines whole behind one that was cut, and goes on in a new file after the old one was moved away', async () => {
    const file = at('audit.jsonl');
    writeFileSync(file, '{"id":"cut');
    await appendEvents(file, [event('1')]);
    expect(JSON.parse(linesIn(file)[1]!)).toMatchObject({ id: '1' });
    rmSync(file);
    await appendEvents(file, [event('2')]);
    expect(linesIn(file)).toHaveLength(1);
  });

  it('fails where nothing can be written, also at the start, and does not wait for the reader of a pipe', async () => {
    const follower = { follow: () => () => undefined } as never;
    await expect(appendEvents(at('no/such/folder'), [event('1')])).rejects.toThrow('ENOENT');
    await expect(followIntoFile(follower, at('no/such/folder'))).rejects.toThrow(/LATCHKEY_AUDIT_FILE .* ENOENT/);
    execFileSync('mkfifo', [at('pipe')]);
    const many = Array.from({ length: 2_000 }, (_, n) => event(String(n)));
    // Seen red: without a reader, the events that fit into the pipe counted as written, and were lost.
    await expect(appendEvents(at('pipe'), [event('1')])).rejects.toThrow('ENXIO');
    await followIntoFile(follower, at('pipe'));
    const reader = openSync(at('pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
    await expect(appendEvents(at('pipe'), many)).rejects.toThrow('EAGAIN');
    closeSync(reader);
  });
});
