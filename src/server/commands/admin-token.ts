import { rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { FOREVER_SECONDS } from '../../access-tokens/issuing/lifetime';
import { MAX_SECONDS } from '../../common/dto/limits';
import type { AdministratorToken } from '../../installation/administrator-tokens.service';
import { StartError } from '../start-error';
import { type Command, type Given, JSON_FLAG, UsageError } from './command';
import { ShownOnce } from './shown-once';
import { withInstance } from './with-instance';

/** The owner of the machine can always issue an administrator's token (decision 35). */
export const ADMIN_TOKEN: Command = {
  name: 'admin-token',
  alias: 'issue-admin-token',
  summary: "issue a new administrator's token, and show it once",
  help: `Issues a new token of an administrator, and shows it once.

It takes the settings of the server (LATCHKEY_DATA_DIR, or DATABASE_URL and LATCHKEY_AUTH_SECRET), whether the
server is running or not. The token is that of an existing administrator, or of a new one if there is none.

The token is written before it is issued. If it cannot be written, to the file or to standard output, it is not issued.`,
  options: [
    { flags: '--organization <id>', help: 'of this organization, by id or slug (default: of the instance)' },
    {
      flags: '--ttl <seconds>',
      help: "how long the token lives, at most LATCHKEY_MAX_TOKEN_AGE; it cannot be renewed beyond that (default: the lifetime of the identity's Token Auth)",
    },
    { flags: '--output <file>', help: 'write it to a new file of mode 0600, as JSON, and not to standard output' },
    JSON_FLAG,
  ],
  exits: ['the token was issued', 'it was not'],
  run: issueAdminToken,
};

async function issueAdminToken(say: (text: string) => void, { options }: Given): Promise<void> {
  const organization = textOf(options.organization, '--organization');
  const lifetimeSeconds = secondsOf(textOf(options.ttl, '--ttl'));
  const output = textOf(options.output, '--output');
  const isJson = options.json === true;
  const issued = await withInstance(async (app, { AdministratorTokensService }) => {
    const tokens = app.get(AdministratorTokensService);
    const keeper = output === undefined ? new ShownToken(isJson) : new TokenFile(output);
    try {
      return await tokens.issue({ organization, lifetimeSeconds }, (token) => keeper.write(token));
    } catch (error) {
      keeper.withdraw();
      throw error;
    }
  });
  if (output !== undefined) return say(isJson ? withoutToken(issued, output) : writtenTo(issued, output));
  if (!isJson) say('\nThe token was issued, and is shown only now.');
}

function writtenTo(issued: AdministratorToken, output: string): string {
  return `${summary(issued)}\n  Written to    ${path.resolve(output)}\n\nThe token was issued.`;
}

function withoutToken({ accessToken: _secret, ...token }: AdministratorToken, output: string): string {
  return JSON.stringify({ ...token, writtenTo: path.resolve(output) });
}

/** The place to which the token is written before the commit: a token that no reader received would be lost. */
interface TokenKeeper {
  write(token: AdministratorToken): void;
  /** Called when the token was not issued, as far as this process knows. */
  withdraw(): void;
}

class ShownToken extends ShownOnce implements TokenKeeper {
  constructor(private readonly isJson: boolean) {
    super();
  }

  write(token: AdministratorToken): void {
    const text = this.isJson ? JSON.stringify(token) : `${summary(token)}\n  Token         ${token.accessToken}`;
    this.show(text, 'name a file with --output. No token was issued.');
  }
}

/** Overwrites no existing file and follows no link. */
class TokenFile implements TokenKeeper {
  private isWritten = false;

  constructor(private readonly file: string) {}

  write({ isInstanceAdmin: _flag, isNewIdentity: _new, ...token }: AdministratorToken): void {
    try {
      writeFileSync(this.file, `${JSON.stringify(token, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
      this.isWritten = true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const reason = code === 'EEXIST' ? 'is there already' : `cannot be written (${code})`;
      throw new StartError(
        `The file ${path.resolve(this.file)} ${reason}: name another with --output. No token was issued.`,
      );
    }
  }

  withdraw(): void {
    if (this.isWritten) rmSync(this.file, { force: true });
  }
}

function textOf(value: string | boolean | undefined, option: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  throw new UsageError(`${option} needs a value. See latchkey admin-token --help.`);
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new UsageError(
    `--ttl must be a whole number of seconds from 1 to ${MAX_SECONDS}. See latchkey admin-token --help.`,
  );
}

function summary({ isInstanceAdmin, isNewIdentity, ...token }: AdministratorToken): string {
  const whose = isInstanceAdmin ? 'the instance and its organization' : 'the organization';
  return [
    `A token of an administrator of ${whose}${isNewIdentity ? ', for a new identity' : ''}:`,
    '',
    `  Organization  ${token.organizationId}`,
    `  Identity      ${token.identityId}`,
    `  Token id      ${token.tokenId}`,
    `  Expires       ${token.expiresIn === FOREVER_SECONDS ? 'never' : `in ${token.expiresIn} seconds`}`,
  ].join('\n');
}
