import { authMethodModule } from '../auth-method.module';
import { FederationModule } from '../federation/federation.module';
import { AWS_AUTH } from './aws-auth.definition';
import {
  AccountNotAllowedError,
  chinaRefusal,
  InvalidRegionError,
  PrincipalNotAllowedError,
  PrincipalNotSupportedError,
  RequestDateError,
  RequestReplayedError,
  RootPrincipalError,
  SignedRequestError,
  StsRejectedError,
  StsUnavailableError,
} from './aws-auth.errors';
import { AwsAuth } from './aws-auth.method';
import { AwsAuthLoginDto } from './dto/aws-auth.dtos';
import { SecurityTokenService } from './security-token-service';
import { UsedRequestStore } from './used-request.store';

/** AWS Auth: a workload logs in with a request that it has signed for AWS. */
export const AwsAuthModule = authMethodModule(AWS_AUTH, {
  login: {
    input: AwsAuthLoginDto,
    method: AwsAuth,
    refusals: [
      new SignedRequestError('iamRequestBody must be in Base64'),
      new InvalidRegionError(),
      chinaRefusal(),
      new RequestDateError('expired'),
      new RequestDateError('not_yet_valid'),
      new StsRejectedError(),
      new RequestReplayedError(),
      new RootPrincipalError(),
      new PrincipalNotSupportedError(),
      new AccountNotAllowedError(),
      new PrincipalNotAllowedError('arn:aws:sts::123456789012:assumed-role/other/session'),
      new StsUnavailableError('timed_out'),
    ],
  },
  imports: [FederationModule],
  providers: [SecurityTokenService, UsedRequestStore],
});
