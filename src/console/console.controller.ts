import { randomBytes } from 'node:crypto';
import { Get, Inject, Optional, Param, Req, Res, StreamableFile } from '@nestjs/common';
import { LatchkeyPage } from '../common/http/latchkey-controller.decorator';
import { type ConsoleFile, readConsoleAssets } from './console-assets';
import { CONSOLE_HEADERS, consolePolicy } from './console-headers';
import { ConsoleFileNotFoundError } from './console.errors';
import { CONSOLE_HAS_OWN_ORIGIN } from './own-origin';

/** The common parts of Express's and Fastify's requests and responses. */
interface Request {
  readonly url: string;
  readonly originalUrl?: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface Response {
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

type Segments = Readonly<Record<string, string | undefined>>;

/**
 * Serves the console: its files, and its page at any other address of up to four segments. No wildcard, because Express and Fastify
 * spell wildcards differently, and a wildcard would take the routes of a host.
 */
@LatchkeyPage('console')
export class ConsoleController {
  private readonly assets = readConsoleAssets();

  constructor(@Optional() @Inject(CONSOLE_HAS_OWN_ORIGIN) private readonly hasOwnOrigin: boolean | undefined) {}

  @Get(['', ':a', ':a/:b', ':a/:b/:c', ':a/:b/:c/:d'])
  serve(
    @Param() segments: Segments,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): StreamableFile {
    for (const [name, value] of Object.entries(CONSOLE_HEADERS)) response.header(name, value);
    const path = [segments.a, segments.b, segments.c, segments.d].filter((segment) => segment !== undefined);
    const file = this.assets.files.get(path.join('/'));
    if (file !== undefined) return send(file, { request, response, isHashed: path[0] === 'assets' });
    if (path[0] === 'assets' || path.at(-1)?.includes('.')) throw new ConsoleFileNotFoundError();
    return this.page(depthOf(path.length, request), response);
  }

  /** The page finds its files by relative addresses, wherever it is mounted and whatever a proxy has stripped. */
  private page(toFolder: string, response: Response): StreamableFile {
    const nonce = randomBytes(16).toString('base64');
    const html = this.assets.page
      .replaceAll('="./', `="${toFolder}`)
      .replaceAll('__LATCHKEY_NONCE__', nonce)
      .replace('__LATCHKEY_TABS__', this.hasOwnOrigin ? 'share' : 'apart');
    response.header('Content-Security-Policy', consolePolicy(nonce));
    response.header('Cache-Control', 'no-store');
    return new StreamableFile(Buffer.from(html), { type: 'text/html; charset=utf-8' });
  }
}

/** From the address of the page to the folder of its files: one step up for each slash behind `console/`. */
function depthOf(segments: number, { url, originalUrl = url }: Request): string {
  const hasSlash = /\/(\?|$)/.test(originalUrl.split('?')[0]!);
  const steps = segments - 1 + (hasSlash ? 1 : 0);
  return steps < 0 ? 'console/' : steps === 0 ? './' : '../'.repeat(steps);
}

interface Sending {
  readonly request: Request;
  readonly response: Response;
  /** Whether the name changes with the content. */
  readonly isHashed: boolean;
}

function send(file: ConsoleFile, { request, response, isHashed }: Sending): StreamableFile {
  response.header('Cache-Control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
  response.header('ETag', file.etag);
  response.header('Vary', 'Accept-Encoding');
  const isGzipped = file.gzipped !== undefined && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (isGzipped) response.header('Content-Encoding', 'gzip');
  const bytes = isGzipped ? file.gzipped : file.plain;
  return new StreamableFile(bytes, { type: file.type, length: bytes.length });
}
