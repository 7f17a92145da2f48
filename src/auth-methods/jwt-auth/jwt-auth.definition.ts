import { type AuthMethodDefinition, refusalsWhereMissing } from '../auth-method.definition';
import {
  AttachJwtAuthDto,
  JwtAuthAnswerDto,
  RemovedJwtAuthAnswerDto,
  RemovedJwtAuthDto,
  UpdateJwtAuthDto,
} from './dto/jwt-auth.dtos';
import { mergeSettings } from './jwt-auth.config';

/** A JWT of another issuer for an access token. */
export const JWT_AUTH: AuthMethodDefinition = {
  slug: 'jwt-auth',
  title: 'JWT Auth',
  phrase: 'jwt auth',
  docs: { description: 'Let a program log in with a signed token that another issuer has given it.' },
  responseKey: 'identityJwtAuth',
  input: { attach: AttachJwtAuthDto, update: UpdateJwtAuthDto },
  answer: { type: JwtAuthAnswerDto, removed: RemovedJwtAuthAnswerDto, of: RemovedJwtAuthDto.show },
  configure: (input, stored) => mergeSettings(input, stored),
  refusals: refusalsWhereMissing('JWT Auth', 'jwt auth'),
};
