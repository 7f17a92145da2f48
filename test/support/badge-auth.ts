import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import {
  AccessTokenPolicyDto,
  AuthMethod,
  AuthMethodDto,
  type AuthMethodDefinition,
  authMethodModule,
  type ConfigurationChange,
  type Guess,
  type IdentityAuthMethod,
  type IdentityLoginAttempt,
  IdentityLoginDto,
  InvalidCredentialsError,
  LockedOutError,
  LoginError,
  type Proof,
  type ShownConfiguration,
  Text,
  usualRefusals,
} from '../../src';

/** What the directory is asked for, and with which key. */
interface BadgeConfig {
  readonly directoryUrl: string;
  readonly team: string;
}

interface BadgeSecrets {
  readonly directoryKey: string;
}

class AttachBadgeAuthDto extends AccessTokenPolicyDto {
  @Text({ description: 'Where badges are known.', optional: true, max: 1_024 })
  directoryUrl?: string;

  @Text({ description: 'What the directory asks for.', optional: true, max: 1_024 })
  directoryKey?: string;

  @Text({ description: 'The team one must be of.', optional: true, max: 1_024 })
  team?: string;
}

class UpdateBadgeAuthDto extends AttachBadgeAuthDto {}

class BadgeLoginDto extends IdentityLoginDto {
  @Text({ description: 'The username.', max: 255 })
  username!: string;

  @Text({ description: 'The password.', max: 255 })
  password!: string;
}

class BadgeAuthDto extends AuthMethodDto {
  @ApiProperty()
  directoryUrl!: string;

  @ApiProperty()
  team!: string;

  @ApiProperty({ type: String, required: false, description: 'Shown to readers only.' })
  directoryKey?: string;

  static override of(row: IdentityAuthMethod, { route, secrets }: ShownConfiguration = SHOWN_NOTHING): BadgeAuthDto {
    const shown = route === 'get' ? secrets : {};
    return { ...AuthMethodDto.of(row), ...(row.config as BadgeConfig), ...shown };
  }
}

const SHOWN_NOTHING: ShownConfiguration = { route: 'remove', secrets: {} };

class BadgeAuthAnswerDto {
  @ApiProperty({ type: BadgeAuthDto })
  identityBadgeAuth!: BadgeAuthDto;
}

class DirectoryUnreachableError extends LoginError {
  constructor(cause?: unknown) {
    super('directory_unreachable', 'The directory cannot be reached', { status: 400, cause });
  }
}

const BADGE_AUTH: AuthMethodDefinition = {
  slug: 'badge-auth',
  title: 'Badge Auth',
  phrase: 'badge auth',
  docs: { description: 'Let people in who wear a badge.' },
  responseKey: 'identityBadgeAuth',
  input: { attach: AttachBadgeAuthDto, update: UpdateBadgeAuthDto },
  answer: { type: BadgeAuthAnswerDto, of: (row, shown) => BadgeAuthDto.of(row, shown) },
  configure: (input: AttachBadgeAuthDto, present) => {
    const { config, secrets } = (present ?? { config: {}, secrets: {} }) as {
      config: Partial<BadgeConfig>;
      secrets: Partial<BadgeSecrets>;
    };
    return {
      config: {
        directoryUrl: input.directoryUrl ?? config.directoryUrl ?? '',
        team: input.team ?? config.team ?? '',
      },
      secrets: { directoryKey: input.directoryKey ?? secrets.directoryKey ?? '' },
    };
  },
  hasLockouts: true,
  refusals: usualRefusals('Badge Auth', 'badge auth'),
};

/** Where badges are known. Injected, so that a method can have whatever it needs. */
@Injectable()
export class BadgeDirectory {
  async ask(url: string, key: string, path: string): Promise<{ status: number; team: string }> {
    try {
      const response = await fetch(`${url}${path}`, { headers: { 'x-key': key } });
      return { status: response.status, ...((await response.json()) as { team: string }) };
    } catch (error) {
      throw new DirectoryUnreachableError(error);
    }
  }
}

/** Asks a directory whether a name and a password belong together: a method as a host would write it. */
@Injectable()
class BadgeAuth extends AuthMethod<IdentityLoginAttempt<BadgeLoginDto, BadgeConfig, BadgeSecrets>> {
  constructor(private readonly directory: BadgeDirectory) {
    super();
  }

  override async prepare({ next }: ConfigurationChange<BadgeConfig, BadgeSecrets>): Promise<void> {
    const { status } = await this.directory.ask(next.config.directoryUrl, next.secrets?.directoryKey ?? '', '/');
    if (status !== 200) throw new LoginError('directory_key_refused', 'The directory refuses the key', { status: 400 });
  }

  override reserve({ credentials }: IdentityLoginAttempt<BadgeLoginDto>): Guess {
    const policy = { lockoutThreshold: 3, lockoutDurationSeconds: 300, lockoutCounterResetSeconds: 30 };
    return { name: credentials.username.toLowerCase(), policy };
  }

  async authenticate({
    credentials: { username, password },
    configuration,
  }: IdentityLoginAttempt<BadgeLoginDto, BadgeConfig, BadgeSecrets>): Promise<Proof> {
    const { config, secrets } = configuration;
    const path = `/badges/${encodeURIComponent(username)}/${encodeURIComponent(password)}`;
    const { status, team } = await this.directory.ask(config.directoryUrl, secrets.directoryKey, path);
    if (status !== 200) throw new InvalidCredentialsError();
    if (config.team !== '' && team !== config.team) throw new LoginError('team_not_allowed', 'Access denied: team');
    return { configuration, identityAuth: { badge: { username, team } } };
  }
}

/** To be listed among `authMethods`. */
export const BadgeAuthModule = authMethodModule(BADGE_AUTH, {
  login: {
    input: BadgeLoginDto,
    method: BadgeAuth,
    refusals: [
      new InvalidCredentialsError(),
      new LockedOutError(),
      new LoginError('team_not_allowed', 'Access denied: team'),
      new DirectoryUnreachableError(),
    ],
  },
  providers: [BadgeDirectory],
});

/** A directory on a port of its own, that notes what it is asked. */
export class TestDirectory {
  readonly asked: string[] = [];
  /** Wait for this before answering. */
  gate: Promise<void> = Promise.resolve();

  private constructor(
    private readonly server: http.Server,
    readonly key: string,
  ) {}

  static async start(key: string, badges: Record<string, { password: string; team: string }>): Promise<TestDirectory> {
    const server = http.createServer();
    const directory = new TestDirectory(server, key);
    server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
      directory.asked.push(request.url!);
      const [, , name = '', password = ''] = request.url!.split('/').map(decodeURIComponent);
      const badge = badges[name];
      const isGood = !request.url!.startsWith('/badges/') || (badge !== undefined && badge.password === password);
      const status = request.headers['x-key'] !== key ? 403 : isGood ? 200 : 401;
      void directory.gate.then(() =>
        response.writeHead(status, { connection: 'close' }).end(JSON.stringify({ team: badge?.team ?? '' })),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return directory;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }
}
