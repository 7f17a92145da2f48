import { type AuthMethodDefinition, refusalsWhereMissing } from '../auth-method.definition';
import { mergeSettings } from './azure-auth.config';
import { AttachAzureAuthDto, AzureAuthAnswerDto, AzureAuthDto, UpdateAzureAuthDto } from './dto/azure-auth.dtos';

/** The token of a managed identity of Azure for an access token. */
export const AZURE_AUTH: AuthMethodDefinition = {
  slug: 'azure-auth',
  title: 'Azure Auth',
  phrase: 'azure auth',
  docs: { description: 'Let workloads on Azure log in with their managed identities.' },
  responseKey: 'identityAzureAuth',
  input: { attach: AttachAzureAuthDto, update: UpdateAzureAuthDto },
  answer: { type: AzureAuthAnswerDto, of: AzureAuthDto.show },
  configure: (input, stored) => mergeSettings(input, stored),
  refusals: refusalsWhereMissing('Azure Auth', 'azure auth'),
};
