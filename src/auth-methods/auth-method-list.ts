import type { Type } from '@nestjs/common';
import { AwsAuthModule } from './aws-auth/aws-auth.module';
import { AzureAuthModule } from './azure-auth/azure-auth.module';
import { GcpAuthModule } from './gcp-auth/gcp-auth.module';
import { JwtAuthModule } from './jwt-auth/jwt-auth.module';
import { KubernetesAuthModule } from './kubernetes-auth/kubernetes-auth.module';
import { OidcAuthModule } from './oidc-auth/oidc-auth.module';
import { UniversalAuthModule } from './universal-auth/universal-auth.module';

/** The methods one can log in with. A method that is added is added here, and nowhere else but in its own folder. */
export const AUTH_METHOD_MODULES: Type[] = [
  UniversalAuthModule,
  JwtAuthModule,
  OidcAuthModule,
  KubernetesAuthModule,
  AwsAuthModule,
  GcpAuthModule,
  AzureAuthModule,
];
