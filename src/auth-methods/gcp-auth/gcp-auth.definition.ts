import { type AuthMethodDefinition, refusalsWhereMissing } from '../auth-method.definition';
import { AttachGcpAuthDto, GcpAuthAnswerDto, GcpAuthDto, UpdateGcpAuthDto } from './dto/gcp-auth.dtos';
import { mergeSettings } from './gcp-auth.config';

/** The token of a Google Cloud service account for an access token. */
export const GCP_AUTH: AuthMethodDefinition = {
  slug: 'gcp-auth',
  title: 'GCP Auth',
  phrase: 'gcp auth',
  docs: { description: 'Let workloads on Google Cloud log in with the service account that they run as.' },
  responseKey: 'identityGcpAuth',
  input: { attach: AttachGcpAuthDto, update: UpdateGcpAuthDto },
  answer: { type: GcpAuthAnswerDto, of: GcpAuthDto.show },
  configure: (input, stored) => mergeSettings(input, stored),
  refusals: refusalsWhereMissing('GCP Auth', 'gcp auth'),
};
