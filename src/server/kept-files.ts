import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { StartError } from './start-error';

/** Small files that must be whole, private, and nobody else's, in a directory that others may be able to write to. */
export class KeptFiles {
  constructor(private readonly dir: string) {}

  pathOf(name: string): string {
    return path.join(this.dir, name);
  }

  has(name: string): boolean {
    return lstatSync(this.pathOf(name), { throwIfNoEntry: false }) !== undefined;
  }

  /** Undefined where there is none. @throws StartError when somebody else has put it there. */
  read(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const file = this.pathOf(name);
    // The link itself, and what is behind it: a secret may be mounted as a link of the operator's.
    this.requireKnownOwner(file, lstatSync(file).uid);
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      this.requireKnownOwner(file, stats.uid);
      if (!stats.isFile()) throw new StartError(`${file} is not a file: move it away.`);
      return readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  }

  /** Only where there is none, and says whether there was none: a link either appears complete or fails. */
  create(name: string, content: string): boolean {
    return this.withDraft(name, content, (draft, file) => {
      try {
        linkSync(draft, file);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return false;
      }
    });
  }

  /** The old content or the new one, whatever happens meanwhile. */
  replace(name: string, content: string): void {
    this.withDraft(name, content, renameSync);
  }

  /** Gives a file another name, so that one with its name can be made and what it said is not lost. */
  putAside(name: string): void {
    if (!this.has(name)) return;
    for (let number = 1; ; number += 1) {
      const aside = `${name}.${number}`;
      if (!this.has(aside)) return renameSync(this.pathOf(name), this.pathOf(aside));
    }
  }

  private withDraft<T>(name: string, content: string, act: (draft: string, file: string) => T): T {
    const file = this.pathOf(name);
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    try {
      // Exclusive: it follows no link and takes over no file that somebody has put there.
      writeFileSync(draft, content, { flag: 'wx', mode: 0o600, flush: true });
      const result = act(draft, file);
      this.sync();
      return result;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** A name outlives a power cut only when the directory that holds it has been written out. */
  private sync(): void {
    const descriptor = openSync(this.dir, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
  }

  /** Whoever owns the directory can put anything into it, and has been given that right by the operator. */
  private requireKnownOwner(file: string, uid: number): void {
    const us = process.geteuid?.();
    if (us === undefined || [0, us, statSync(this.dir).uid].includes(uid)) return;
    throw new StartError(
      `${file} belongs to the user with id ${uid}, who may not choose what Latchkey trusts: ` +
        'run Latchkey as that user if that is who runs it, or move the file away.',
    );
  }
}
