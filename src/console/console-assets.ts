import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { gzipSync } from 'node:zlib';

/** A file of the console as it is sent. */
export interface ConsoleFile {
  readonly type: string;
  readonly plain: Buffer;
  /** Only if that is smaller. */
  readonly gzipped?: Buffer;
  readonly etag: string;
}

/** The files of the built console, by the part of their address behind `console/`. */
export interface ConsoleAssets {
  readonly page: string;
  readonly files: ReadonlyMap<string, ConsoleFile>;
}

/** Beside the code, in the sources and in what is built of them. */
const FOLDER = path.join(__dirname, 'ui');
const PAGE = 'index.html';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Reads the files of the console once, when the application starts. A file that is not among them does not exist, so that no path of
 * a request ever reaches the file system.
 *
 * @throws Error if the console was not built.
 */
export function readConsoleAssets(folder = FOLDER): ConsoleAssets {
  const page = path.join(folder, PAGE);
  if (!existsSync(page)) throw new Error(`The console was not built: ${page} is missing.`);
  const names = (readdirSync(folder, { recursive: true }) as string[]).map((name) => name.split(path.sep).join('/'));
  const files = names.filter((name) => name !== PAGE && TYPES[path.extname(name)] !== undefined);
  return {
    page: readFileSync(page, 'utf8'),
    files: new Map(files.map((name) => [name, fileOf(readFileSync(path.join(folder, name)), path.extname(name))])),
  };
}

function fileOf(plain: Buffer, extension: string): ConsoleFile {
  const smaller = gzipSync(plain, { level: 9 });
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 27)}"`;
  const type = TYPES[extension]!;
  return smaller.length < plain.length ? { type, plain, gzipped: smaller, etag } : { type, plain, etag };
}
