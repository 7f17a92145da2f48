import { Description, Flag, OneOf, TrimmedText } from '../../../common/dto/request-fields';
import { ResponseFlag, ResponseObject, ResponseText, ResponseTextOrNull } from '../../../common/dto/response-fields';
import type { IdentityAuthMethod } from '../../../database/entities/identity-auth-method.entity';
import type { ShownConfiguration } from '../../auth-method.definition';
import { AuthMethodDto } from '../../configuration/dto/auth-method.dto';
import { PeriodicPolicyDto } from '../../configuration/dto/periodic-policy.dto';
import { IdentityLoginDto } from '../../pipeline/dto/login.dto';
import type { KubernetesAuthConfig, KubernetesAuthSecrets } from '../kubernetes-auth.config';
import { KUBERNETES_EXAMPLE } from '../kubernetes-auth.examples';

const MODES = ['api', 'gateway'] as const;
const MODE = 'Where tokens are reviewed. Only `api`, the API server of the cluster, is accepted.';
const NO_GATEWAY = 'Always null: Latchkey has no gateways.';
const PATTERNS = '`*` stands for any characters, `?` for one, `{a,b}` for a or b.';
const NAMESPACES = `Patterns, separated by commas: the namespace must match one of them. ${PATTERNS} Empty for any.`;
const NAMES = 'Patterns, separated by commas: the name of the service account must match one of them. Empty for any.';
const MAX_PEM = 16_384;
const MAX_TOKEN = 8_192;
const MAX_LIST = 4_096;
const clearable = { optional: true, nullable: true } as const;

class KubernetesSettingsDto extends PeriodicPolicyDto {
  @Description({
    description: 'The API server: a host name, a host name with a port, or an https URL.',
    example: KUBERNETES_EXAMPLE.host,
    max: 255,
    ...clearable,
  })
  kubernetesHost?: string | null;

  @Description({
    description: 'The certificates, in PEM, that the API server is trusted by. Default: those of the system.',
    example: '',
    max: MAX_PEM,
    ...clearable,
  })
  caCert?: string | null;

  @Description({
    description:
      'The token that Latchkey asks the API server with. Without one, each token is reviewed with itself. It is never shown again; an empty text keeps it.',
    example: '',
    max: MAX_TOKEN,
    ...clearable,
  })
  tokenReviewerJwt?: string | null;

  @OneOf(MODES, { description: MODE, example: 'api', optional: true })
  tokenReviewMode?: 'api' | 'gateway';

  @Description({
    description: 'The audience that the token must be for. Empty for that of the API server itself.',
    example: KUBERNETES_EXAMPLE.audience,
    max: 1_024,
    ...clearable,
  })
  allowedAudience?: string | null;

  @Flag({
    description: 'Whether the certificate of the API server is verified. Default: true.',
    example: true,
    optional: true,
  })
  verifyTlsCertificate?: boolean;

  @Description({ description: NO_GATEWAY, example: null, max: 255, ...clearable })
  gatewayId?: string | null;

  @Description({ description: NO_GATEWAY, example: null, max: 255, ...clearable })
  gatewayPoolId?: string | null;
}

export class AttachKubernetesAuthDto extends KubernetesSettingsDto {
  @Description({ description: NAMESPACES, example: KUBERNETES_EXAMPLE.namespaces, max: MAX_LIST })
  allowedNamespaces!: string;

  @Description({ description: NAMES, example: KUBERNETES_EXAMPLE.names, max: MAX_LIST })
  allowedNames!: string;
}

export class UpdateKubernetesAuthDto extends KubernetesSettingsDto {
  @Description({ description: NAMESPACES, example: KUBERNETES_EXAMPLE.namespaces, max: MAX_LIST, ...clearable })
  allowedNamespaces?: string | null;

  @Description({ description: NAMES, example: KUBERNETES_EXAMPLE.names, max: MAX_LIST, ...clearable })
  allowedNames?: string | null;
}

export class KubernetesAuthLoginDto extends IdentityLoginDto {
  @TrimmedText({ description: 'The token of a service account.', example: KUBERNETES_EXAMPLE.jwt, max: MAX_TOKEN })
  jwt!: string;
}

/** The answer to a removal: its secrets are no longer read. */
export class RemovedKubernetesAuthDto extends AuthMethodDto {
  @ResponseTextOrNull('The API server.', KUBERNETES_EXAMPLE.host)
  kubernetesHost!: string | null;

  @ResponseText('The patterns of which the namespace must match one; empty for any.', KUBERNETES_EXAMPLE.namespaces)
  allowedNamespaces!: string;

  @ResponseText('The patterns of which the name must match one; empty for any.', KUBERNETES_EXAMPLE.names)
  allowedNames!: string;

  @ResponseText(
    'The audience that the token must be for; empty for that of the API server.',
    KUBERNETES_EXAMPLE.audience,
  )
  allowedAudience!: string;

  @ResponseText('Where tokens are reviewed.', 'api', { enum: ['api'] })
  tokenReviewMode!: 'api';

  @ResponseFlag('Whether the certificate of the API server is verified.', true)
  verifyTlsCertificate!: boolean;

  @ResponseTextOrNull(NO_GATEWAY, null)
  gatewayId!: null;

  @ResponseTextOrNull(NO_GATEWAY, null)
  gatewayPoolId!: null;

  @ResponseTextOrNull('Always null: Latchkey has no templates.', null)
  templateId!: null;

  static removed(row: IdentityAuthMethod): RemovedKubernetesAuthDto {
    const none = { gatewayId: null, gatewayPoolId: null, templateId: null };
    return { ...AuthMethodDto.of(row), ...(row.config as KubernetesAuthConfig), tokenReviewMode: 'api', ...none };
  }
}

export class KubernetesAuthDto extends RemovedKubernetesAuthDto {
  @ResponseText('The certificates, in PEM, that the API server is trusted by; empty for those of the system.', '')
  caCert!: string;

  @ResponseText('Always empty: the token is never shown (decision 29).', '')
  tokenReviewerJwt!: '';

  static show(row: IdentityAuthMethod, { route, secrets }: ShownConfiguration): RemovedKubernetesAuthDto {
    const removed = RemovedKubernetesAuthDto.removed(row);
    if (route === 'remove') return removed;
    const { caCert = '' } = secrets as Partial<KubernetesAuthSecrets>;
    return { ...removed, caCert, tokenReviewerJwt: '' } as KubernetesAuthDto;
  }
}

export class KubernetesAuthAnswerDto {
  @ResponseObject(() => KubernetesAuthDto, 'Which service accounts log in, and how the tokens behave that they get.')
  identityKubernetesAuth!: KubernetesAuthDto;
}

export class RemovedKubernetesAuthAnswerDto {
  @ResponseObject(() => RemovedKubernetesAuthDto, 'The configuration that was removed.')
  identityKubernetesAuth!: RemovedKubernetesAuthDto;
}
