import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { StartError } from './start-error';

/** What the first start on the embedded database leaves for its operator. */
export interface BootstrapFile {
  readonly organizationId: string;
  readonly identityId: string;
  readonly accessToken: string;
}

/** The directory in which a server without `DATABASE_URL` keeps everything. */
export class DataDirectory {
  private readonly dir: string;

  /** @throws StartError when the directory cannot be made or written to. */
  constructor(dir: string) {
    this.dir = path.resolve(dir);
    this.guard(() => {
      // One that was there keeps its mode: it may be shared, and what we put into it is closed by itself. Root lends PostgreSQL
      // another account, which must be able to pass through.
      if (make(this.dir)) chmodSync(this.dir, process.getuid?.() === 0 ? 0o711 : 0o700);
      accessSync(this.dir, constants.W_OK | constants.X_OK);
    });
  }

  get postgres(): string {
    return path.join(this.dir, 'postgres');
  }

  get bootstrapFile(): string {
    return path.join(this.dir, 'bootstrap.json');
  }

  /** The secret made on the first start. Of two processes that start at once, both take the one that was there first. */
  authSecret(): string {
    const file = path.join(this.dir, 'auth-secret');
    return this.guard(() => {
      this.create(file, randomBytes(48).toString('base64'));
      return readFileSync(file, 'utf8').trim();
    });
  }

  writeBootstrap(content: BootstrapFile): void {
    this.guard(() =>
      writeFileSync(this.bootstrapFile, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flush: true }),
    );
  }

  /** Whole or not at all, and only where there is none: a link either appears complete or fails. */
  private create(file: string, content: string): void {
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, content, { mode: 0o600, flush: true });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }

  private guard<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new StartError(
        `The data directory ${this.dir} cannot be written to (${code}): make it writable, or set LATCHKEY_DATA_DIR to another.`,
      );
    }
  }
}

/** Makes a directory and those above it, and says whether it was not there. Node's own never ends below `/proc`. */
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
