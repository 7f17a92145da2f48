import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { UntrustedAddressError } from '../../access-tokens/issuing/access-tokens.errors';
import type { LatchkeyError } from '../../common/errors/latchkey.error';
import { isTrusted } from '../../common/net/trusted-ips';
import { sqlIn } from '../../database/sql-runner';
import { AuthMethod, type LoginAttempt, type Proof } from '../auth-method';
import { InvalidCredentialsError } from '../auth-methods.errors';
import type { LockoutSubject } from '../pipeline/lockouts.service';
import { ClientFinder, type Found, type FoundSecret } from './client.finder';
import { ClientSecretHasher } from './client-secret.hasher';
import { ClientSecretStore, type SecretUse } from './client-secret.store';
import { type UniversalAuthLoginDto } from './dto/universal-auth.dtos';
import { DEFAULT_CONFIG, type UniversalAuthConfig } from './universal-auth.config';
import { ClientSecretExpiredError, ClientSecretUsedUpError } from './universal-auth.errors';

/** A proof, with the use of the client secret that the token will cost. */
interface ClientProof extends Proof {
  readonly use: SecretUse;
}

/**
 * Identifies a client by its id and a secret. A client that does not exist is answered like a wrong secret, after the same
 * statements, and locks like one. The same holds for a client at an untrusted address, unless the secret is right: an attacker
 * elsewhere can neither lock the client nor learn that it exists.
 */
@Injectable()
export class UniversalAuth extends AuthMethod<LoginAttempt<UniversalAuthLoginDto>, ClientProof> {
  constructor(
    private readonly clients: ClientFinder,
    private readonly hasher: ClientSecretHasher,
    private readonly store: ClientSecretStore,
  ) {
    super();
  }

  /** @throws InvalidCredentialsError */
  async authenticate(attempt: LoginAttempt<UniversalAuthLoginDto>): Promise<ClientProof> {
    const { clientId, clientSecret } = attempt.credentials;
    const hashes = this.hasher.hashesOf(clientSecret);
    const found = await this.clients.find(clientId, hashes);
    const guessed = this.subjectOf(found, attempt);
    const { client, secret, config } = found;
    if (!client || !secret || !hashes.some((hash) => timingSafeEqual(hash, secret.hash))) {
      throw new InvalidCredentialsError(guessed);
    }
    return {
      configuration: client,
      clientSecretId: secret.id,
      guessed,
      refusal: refusalOf(config, secret, attempt),
      use: useOf(secret, hashes[0], attempt.now),
    };
  }

  /** @throws InvalidCredentialsError if the secret was revoked since it was found, ClientSecretUsedUpError */
  override async consume(tx: EntityManager, { use }: ClientProof): Promise<void> {
    const isCounted = await this.store.use(sqlIn(tx), use);
    if (isCounted === undefined) throw new InvalidCredentialsError();
    if (!isCounted && use.numUsesLimit > 0) throw new ClientSecretUsedUpError();
    // With the token or not at all: no login finds the old secret usable after the first token of the new one.
    await this.store.endReplaced(sqlIn(tx), use);
  }

  /** The target against which a wrong guess is counted; undefined for a client without lockouts. */
  private subjectOf(
    { client, config }: Found,
    { address, credentials }: LoginAttempt<UniversalAuthLoginDto>,
  ): LockoutSubject | undefined {
    // All three are computed for every client, so that the duration is the same.
    const standIn = this.hasher.standInFor(credentials.clientId);
    const isHere = isTrusted(config.clientSecretTrustedIps, address);
    if (!client || !isHere) return { id: standIn, authMethodId: null, policy: DEFAULT_CONFIG };
    return config.lockoutEnabled ? { id: client.id, authMethodId: client.id, policy: config } : undefined;
  }
}

function useOf({ id, numUsesLimit, endsSecretId }: FoundSecret, presentHash: Buffer, at: Date): SecretUse {
  return { secretId: id, numUsesLimit, endsSecretId, presentHash, at };
}

/** The reason to refuse a login although its client secret is right. */
function refusalOf(
  { clientSecretTrustedIps }: UniversalAuthConfig,
  { expiresAt, numUses, numUsesLimit }: FoundSecret,
  { address, now }: LoginAttempt<UniversalAuthLoginDto>,
): LatchkeyError | undefined {
  if (!isTrusted(clientSecretTrustedIps, address)) return new UntrustedAddressError();
  if (expiresAt !== null && expiresAt <= now) return new ClientSecretExpiredError();
  // The guarded statement decides. This one spares the database a client that keeps coming back.
  return numUsesLimit > 0 && numUses >= numUsesLimit ? new ClientSecretUsedUpError() : undefined;
}
