import { type AuthMethodDefinition, refusalsWhereMissing } from '../auth-method.definition';
import {
  AttachKubernetesAuthDto,
  KubernetesAuthAnswerDto,
  KubernetesAuthDto,
  RemovedKubernetesAuthAnswerDto,
  UpdateKubernetesAuthDto,
} from './dto/kubernetes-auth.dtos';
import { mergeSettings } from './kubernetes-auth.config';

/** The token of a Kubernetes service account for an access token. */
export const KUBERNETES_AUTH: AuthMethodDefinition = {
  slug: 'kubernetes-auth',
  title: 'Kubernetes Auth',
  phrase: 'kubernetes auth',
  docs: { description: 'Let pods log in with the tokens of their service accounts, which the API server reviews.' },
  responseKey: 'identityKubernetesAuth',
  input: { attach: AttachKubernetesAuthDto, update: UpdateKubernetesAuthDto },
  answer: { type: KubernetesAuthAnswerDto, removed: RemovedKubernetesAuthAnswerDto, of: KubernetesAuthDto.show },
  configure: (input, stored) => mergeSettings(input, stored),
  refusals: refusalsWhereMissing('Kubernetes Auth', 'kubernetes auth'),
};
