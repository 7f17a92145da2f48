import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../../common/clock/clock';
import { sqlIn } from '../../database/sql-runner';
import { LatchkeySettings } from '../../latchkey.options';
import { AuthMethod, type IdentityLoginAttempt, type Proof } from '../auth-method';
import { partyOf } from '../federation/party';
import { type AwsAuthConfig, readSettings } from './aws-auth.config';
import { AWS_AUTH } from './aws-auth.definition';
import { RequestReplayedError } from './aws-auth.errors';
import type { AwsAuthLoginDto } from './dto/aws-auth.dtos';
import { principalOf, requireAllowed } from './principal';
import { SecurityTokenService } from './security-token-service';
import { readSignedRequest, requireRecent, type SignedRequest, WINDOW_SECONDS } from './signed-request';
import { type UsedRequest, UsedRequestStore } from './used-request.store';

type Attempt = IdentityLoginAttempt<AwsAuthLoginDto, AwsAuthConfig>;

interface AwsProof extends Proof {
  readonly request: UsedRequest;
}

/** Believes what AWS says about a request that the caller has signed, and that asks AWS for nothing else. */
@Injectable()
export class AwsAuth extends AuthMethod<Attempt, AwsProof> {
  constructor(
    private readonly sts: SecurityTokenService,
    private readonly usedRequests: UsedRequestStore,
    private readonly settings: LatchkeySettings,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** @throws LoginError, StsUnavailableError */
  async authenticate({ credentials, configuration, now }: Attempt): Promise<AwsProof> {
    const config = readSettings(configuration);
    const request = readSignedRequest(credentials);
    requireRecent(request, now);
    const principal = principalOf(await this.sts.whoSigned(request, partyOf(AWS_AUTH, configuration)));
    requireAllowed(principal, config);
    return { configuration, identityAuth: { aws: { ...principal } }, request: usedRequestOf(request) };
  }

  /** A request that was seen on its way must be worth nothing (decision 32). @throws RequestReplayedError */
  override async consume(tx: EntityManager, { request }: AwsProof): Promise<void> {
    if (this.settings.awsReplay === 'allow') return;
    const isFirst = await this.usedRequests.use(sqlIn(tx), request, this.clock.now());
    if (!isFirst) throw new RequestReplayedError();
  }
}

function usedRequestOf({ signature, signedAt }: SignedRequest): UsedRequest {
  const digest = createHash('sha256').update(signature).digest();
  return { digest, expiresAt: new Date(signedAt.getTime() + WINDOW_SECONDS * 1_000) };
}
