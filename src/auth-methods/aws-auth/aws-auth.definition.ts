import { type AuthMethodDefinition, refusalsWhereMissing } from '../auth-method.definition';
import { mergeSettings } from './aws-auth.config';
import { AttachAwsAuthDto, AwsAuthAnswerDto, AwsAuthDto, UpdateAwsAuthDto } from './dto/aws-auth.dtos';

/** A request to AWS that the caller has signed, for an access token. */
export const AWS_AUTH: AuthMethodDefinition = {
  slug: 'aws-auth',
  title: 'AWS Auth',
  phrase: 'aws auth',
  docs: {
    description: 'Let workloads on AWS log in with the role that they run as. AWS says who has signed their request.',
  },
  responseKey: 'identityAwsAuth',
  input: { attach: AttachAwsAuthDto, update: UpdateAwsAuthDto },
  answer: { type: AwsAuthAnswerDto, of: AwsAuthDto.show },
  configure: (input, stored) => mergeSettings(input, stored),
  refusals: refusalsWhereMissing('AWS Auth', 'aws auth'),
};
