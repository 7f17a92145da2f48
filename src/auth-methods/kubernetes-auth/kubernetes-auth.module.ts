import { authMethodModule } from '../auth-method.module';
import { FederationModule } from '../federation/federation.module';
import { KubernetesAuthLoginDto } from './dto/kubernetes-auth.dtos';
import { KUBERNETES_AUTH } from './kubernetes-auth.definition';
import {
  ApiServerUnavailableError,
  NoServiceAccountError,
  NotAllowedError,
  ReviewerForbiddenError,
  ReviewerUnauthorizedError,
  TokenNotAuthenticatedError,
  TokenReviewError,
} from './kubernetes-auth.errors';
import { KubernetesAuth } from './kubernetes-auth.method';

/** Kubernetes Auth: a pod logs in with the token of its service account. */
export const KubernetesAuthModule = authMethodModule(KUBERNETES_AUTH, {
  login: {
    input: KubernetesAuthLoginDto,
    method: KubernetesAuth,
    refusals: [
      new TokenNotAuthenticatedError(),
      new TokenReviewError('invalid bearer token'),
      new ReviewerUnauthorizedError(),
      new ReviewerForbiddenError(),
      new NoServiceAccountError('admin'),
      new NotAllowedError('namespace'),
      new NotAllowedError('name'),
      new NotAllowedError('audience'),
      new ApiServerUnavailableError('timed_out'),
    ],
  },
  imports: [FederationModule],
});
