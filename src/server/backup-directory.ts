import { createHash, type Hash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartError } from './start-error';

/** The description of a backup, written last: a directory without it is no backup. */
const DESCRIPTION = 'backup.json';
export const ARCHIVE = 'base.tar';
const FORMAT = 1;
const MODE = 0o600;

interface FileFacts {
  readonly bytes: number;
  readonly sha256: string;
}

/** The description of a backup. */
export interface BackupFacts {
  readonly format: typeof FORMAT;
  /** When it was begun, by the clock of the machine. */
  readonly takenAt: string;
  /** The newest migration of its schema. */
  readonly schema: string | null;
  readonly files: Readonly<Record<string, FileFacts>>;
}

/** A new backup. It has another name until it is complete. */
export class NewBackup {
  private readonly partial: string;
  private readonly files: Record<string, FileFacts> = {};

  /** @throws StartError when the directory is there, or cannot be made. */
  constructor(readonly dir: string) {
    this.partial = `${dir}.partial-${process.pid}`;
    if (fs.existsSync(dir)) throw new StartError(`${dir} is there already: name a directory that is not.`);
    guard(dir, () => fs.mkdirSync(this.partial, { mode: 0o700 }));
  }

  add(name: string, content: string): void {
    const write = this.open(name);
    write(Buffer.from(content));
    write(undefined);
  }

  /** A function that takes the content of a file part by part, and at last nothing. */
  open(name: string): (part: Buffer | undefined) => void {
    const hash = createHash('sha256');
    const descriptor = guard(this.dir, () => fs.openSync(path.join(this.partial, name), 'wx', MODE));
    let bytes = 0;
    return (part) =>
      guard(this.dir, () => {
        if (part === undefined) return this.close(name, descriptor, { bytes, hash });
        hash.update(part);
        bytes += part.length;
        for (let rest = part; rest.length > 0;) rest = rest.subarray(fs.writeSync(descriptor, rest));
      });
  }

  private close(name: string, descriptor: number, { bytes, hash }: { bytes: number; hash: Hash }): void {
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
    this.files[name] = { bytes, sha256: hash.digest('hex') };
  }

  /** Gives the backup its name. */
  finish(facts: Pick<BackupFacts, 'takenAt' | 'schema'>): BackupFacts {
    const described: BackupFacts = { format: FORMAT, ...facts, files: this.files };
    guard(this.dir, () => {
      const file = path.join(this.partial, DESCRIPTION);
      fs.writeFileSync(file, `${JSON.stringify(described, null, 2)}\n`, { mode: MODE, flag: 'wx', flush: true });
      fs.renameSync(this.partial, this.dir);
    });
    return described;
  }

  discard(): void {
    fs.rmSync(this.partial, { recursive: true, force: true });
  }
}

/** A backup that is there. Every file was compared with its hash before it is used. */
export class Backup {
  readonly facts: BackupFacts;

  /** @throws StartError for a directory that is no backup, and for one that has changed. */
  constructor(private readonly dir: string) {
    this.facts = factsIn(dir);
    for (const [name, { bytes, sha256 }] of Object.entries(this.facts.files)) {
      const found = hashOf(this.pathOf(name));
      if (found.bytes !== bytes || found.sha256 !== sha256)
        throw new StartError(`${this.pathOf(name)} is not as it was written: use another backup.`);
    }
  }

  pathOf(name: string): string {
    return path.join(this.dir, name);
  }

  /** The small files, by name. */
  contents(): Record<string, string> {
    const names = Object.keys(this.facts.files).filter((name) => name !== ARCHIVE);
    return Object.fromEntries(names.map((name) => [name, fs.readFileSync(this.pathOf(name), 'utf8')]));
  }
}

function factsIn(dir: string): BackupFacts {
  const file = path.join(dir, DESCRIPTION);
  const facts = guard(file, () => JSON.parse(fs.readFileSync(file, 'utf8')) as BackupFacts | null);
  if (facts?.format !== FORMAT) throw new StartError(`${file} does not describe a backup of this release.`);
  // The names become paths.
  const strange = Object.keys(facts.files).find((name) => !/^[a-z][a-z.-]*$/.test(name));
  if (strange !== undefined) throw new StartError(`${file} names a file that no backup has.`);
  return facts;
}

/** Read in parts: an archive does not fit into memory. */
function hashOf(file: string): FileFacts {
  return guard(file, () => {
    const descriptor = fs.openSync(file, 'r');
    try {
      const hash = createHash('sha256');
      const buffer = Buffer.alloc(1024 * 1024);
      let bytes = 0;
      for (let read = -1; read !== 0; bytes += read) {
        read = fs.readSync(descriptor, buffer);
        hash.update(buffer.subarray(0, read));
      }
      return { bytes, sha256: hash.digest('hex') };
    } finally {
      fs.closeSync(descriptor);
    }
  });
}

function guard<T>(file: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new StartError(`${file} cannot be used: ${code ?? message}.`, { cause: error });
  }
}
