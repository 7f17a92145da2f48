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

/**
 * Small files that must be complete, private, and Latchkey's own, in a directory to which other accounts may be able to write.
 */
export class KeptFiles {
  constructor(private readonly dir: string) {}

  pathOf(name: string): string {
    return path.join(this.dir, name);
  }

  has(name: string): boolean {
    return lstatSync(this.pathOf(name), { throwIfNoEntry: false }) !== undefined;
  }

  /** Undefined if there is no file. @throws StartError when another account has put it there. */
  read(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const file = this.pathOf(name);
    // Checks the link itself, and the file behind it: the operator may have mounted a secret as a link.
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

  /** Writes only if there is no file, and says whether there was none: a link either appears complete or fails. */
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

  /** The file has either the old or the new content, whatever happens meanwhile. */
  replace(name: string, content: string): void {
    this.withDraft(name, content, renameSync);
  }

  /** Renames a file, so that a new one can take its name and its content is not lost. */
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
      // Exclusive: it follows no link and takes over no file of another account.
      writeFileSync(draft, content, { flag: 'wx', mode: 0o600, flush: true });
      const result = act(draft, file);
      this.sync();
      return result;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  /** A name survives a power cut only when its directory has been written to the disk. */
  private sync(): void {
    const descriptor = openSync(this.dir, 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
  }

  /** The owner of the directory can put anything into it; the operator has given that account this right. */
  private requireKnownOwner(file: string, uid: number): void {
    const us = process.geteuid?.();
    if (us === undefined || [0, us, statSync(this.dir).uid].includes(uid)) return;
    throw new StartError(
      `${file} belongs to the user with id ${uid}, who may not choose what Latchkey trusts: ` +
        'run Latchkey as that user if that is who runs it, or move the file away.',
    );
  }
}
