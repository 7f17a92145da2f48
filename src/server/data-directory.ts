import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { asUser, atFile, deniedByNode, errorCode, FULL } from '../embedded-postgres/errors';
import { canonicalPath } from '../embedded-postgres/layout';
import { isRelocated, relocatedCandidates } from '../embedded-postgres/relocated';
import { DatabaseRecord, RECORD } from './database-record';
import { KeptFiles } from './kept-files';
import { StartError } from './start-error';

/** The files that the first start on the built-in database leaves for its operator. */
export interface BootstrapFile {
  readonly organizationId: string;
  readonly identityId: string;
  readonly accessToken: string;
}

export const SECRET = 'auth-secret';
export const BOOTSTRAP = 'bootstrap.json';

/** The directory in which a server without `DATABASE_URL` keeps everything. */
export class DataDirectory {
  readonly record: DatabaseRecord;
  private readonly dir: string;
  private readonly files: KeptFiles;

  /** @throws StartError when the directory cannot be made or written to. */
  constructor(dir: string) {
    this.dir = path.resolve(dir);
    this.files = new KeptFiles(this.dir);
    this.record = this.guard(() => {
      this.refuseUsersDirectory();
      const isNew = make(this.dir);
      // An existing directory keeps its mode: it may be shared, and the files that Latchkey puts into it are private by
      // themselves.
      if (isNew && (statSync(this.dir).mode & 0o777) !== OWN_MODE) chmodSync(this.dir, OWN_MODE);
      accessSync(this.dir, constants.W_OK | constants.X_OK);
      const traces = this.traces();
      if (!isNew && !traces.ofStart) this.refuseRelocatedDatabase();
      return new DatabaseRecord(this.files, this.dir, traces);
    });
  }

  get postgres(): string {
    return path.join(this.dir, 'postgres');
  }

  get bootstrapFile(): string {
    return this.files.pathOf(BOOTSTRAP);
  }

  /**
   * The secret made on the first start. If two processes start at once, both take the secret that was there first.
   *
   * @throws StartError when the secret is gone: another one would invalidate every token
   */
  authSecret(): string {
    return this.guard(() => {
      const kept = this.files.read(SECRET);
      if (kept !== undefined) return kept.trim();
      if (this.record.hasDatabase) throw this.secretGone();
      this.files.create(SECRET, randomBytes(48).toString('base64'));
      return this.files.read(SECRET)!.trim();
    });
  }

  /** Called before the set-up is committed. A file that is there belongs to a set-up that was not committed, and is kept. */
  writeBootstrap(content: BootstrapFile): void {
    this.guard(() => {
      this.files.putAside(BOOTSTRAP);
      this.files.create(BOOTSTRAP, `${JSON.stringify(content, null, 2)}\n`);
    });
  }

  /** The small files that a backup needs beside the database, by name. */
  keptFiles(): Record<string, string> {
    const names = [RECORD, SECRET, BOOTSTRAP];
    const contents = names.map((name) => [name, this.guard(() => this.files.read(name))] as const);
    return Object.fromEntries(contents.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  /**
   * Writes the files of a backup into a new directory. Only one of several processes that set it up can make the first file. Then
   * comes the record: a server that starts meanwhile finds that its database is missing, and makes no empty one.
   *
   * @throws StartError if the directory is no longer empty. Then nothing of it was changed.
   */
  restoreFiles({ [RECORD]: record, ...others }: Readonly<Record<string, string>>): void {
    const isFirst = this.guard(() => {
      const [claim, ...further] = Object.entries(others);
      if (existsSync(path.join(this.postgres, 'data')) || (claim !== undefined && !this.files.create(...claim)))
        return false;
      this.files.replace(RECORD, record!);
      for (const file of further) this.files.replace(...file);
      return true;
    });
    if (!isFirst)
      throw new StartError(`Another process uses the data directory ${this.dir} by now: nothing was restored.`);
  }

  /** Empties a directory into which `restoreFiles` has written: it was empty before. */
  discardRestored(): void {
    rmSync(this.postgres, { recursive: true, force: true });
    for (const name of [SECRET, BOOTSTRAP, RECORD]) rmSync(this.files.pathOf(name), { force: true });
  }

  private traces(): { ofStart: boolean; ofSetUp: boolean; secret: string | undefined } {
    const ofSetUp = this.files.has(BOOTSTRAP);
    const secret = this.files.has(SECRET) ? this.files.pathOf(SECRET) : undefined;
    const ofDatabase = existsSync(path.join(this.postgres, 'data')) || (isRoot() && this.hasRelocated());
    return { ofSetUp, secret, ofStart: ofSetUp || secret !== undefined || ofDatabase };
  }

  private hasRelocated(): boolean {
    return isRelocated(canonicalPath(this.postgres));
  }

  /**
   * If root made or took files here, the user that owns the directory could not start any more. Where root has already run
   * Latchkey in another user's directory, it may continue: the record, or an older file, belongs to root.
   */
  private refuseUsersDirectory(): void {
    const owner = isRoot() ? statSync(this.dir, { throwIfNoEntry: false }) : undefined;
    if (owner === undefined || owner.uid === 0) return;
    const left = [RECORD, BOOTSTRAP, SECRET].find((name) => this.files.has(name));
    if (left !== undefined && lstatSync(this.files.pathOf(left)).uid === 0) return;
    throw new StartError(
      `The data directory ${this.dir} belongs to the user with id ${owner.uid}, and root would take it away: run Latchkey and its ` +
        `commands as that user${asUser(owner)}, or set LATCHKEY_DATA_DIR to a directory of root's.`,
    );
  }

  /** An earlier release kept root's database elsewhere, under a name that a directory loses when it is moved. */
  private refuseRelocatedDatabase(): void {
    const candidates = isRoot() && !this.files.has(RECORD) ? relocatedCandidates() : [];
    if (candidates.length === 0) return;
    throw new StartError(
      `Nothing in ${this.dir} tells of an earlier start, but an earlier release may have put its database into ` +
        `${candidates.join(' or ')}: move that to ${path.join(this.postgres, 'data')} or, to begin with an empty one, write {} into ` +
        `${this.files.pathOf(RECORD)}.`,
    );
  }

  private secretGone(): StartError {
    const file = this.files.pathOf(SECRET);
    return new StartError(
      `${file} is not there, and the tokens of the database of ${this.dir} are signed with a secret: put the file back, or set ` +
        `LATCHKEY_AUTH_SECRET to the secret; a new one (openssl rand -base64 48 > ${file}) ends every token.`,
    );
  }

  private guard<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      const code = errorCode(error);
      if (code === undefined) throw error;
      if (code === 'ERR_ACCESS_DENIED') throw new StartError(deniedByNode(error));
      const cure = FULL.has(code) ? 'make room on its disk' : 'make it writable';
      throw new StartError(
        `The data directory ${this.dir} cannot be written to (${code}${atFile(error, this.dir)}): ${cure}, or set LATCHKEY_DATA_DIR to another.`,
      );
    }
  }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/** On Linux no other account has to pass through, not even the account under which root runs PostgreSQL. */
const OWN_MODE = process.platform !== 'linux' && process.getuid?.() === 0 ? 0o711 : 0o700;

/** Makes a directory and those above it, and says whether it was missing. Node's own function never ends below `/proc`. */
function make(dir: string): boolean {
  if (existsSync(dir)) return false;
  make(path.dirname(dir));
  try {
    mkdirSync(dir);
    return true;
  } catch (error) {
    // Another process that starts at the same moment was first.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
