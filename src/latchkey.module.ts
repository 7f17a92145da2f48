import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { AccessTokensApiModule } from './access-tokens/access-tokens-api.module';
import { AccessTokensModule } from './access-tokens/access-tokens.module';
import { AUTH_METHOD_MODULES } from './auth-methods/auth-method-list';
import { HealthModule } from './health/health.module';
import { IdentitiesModule } from './identities/identities.module';
import { InstanceModule } from './instance/instance.module';
import { LatchkeyCoreModule } from './latchkey-core.module';
import { type ASYNC_OPTIONS_TYPE, type OPTIONS_TYPE } from './latchkey.module-definition';
import { MaintenanceModule } from './maintenance/maintenance.module';
import { OrganizationsModule } from './organizations/organizations.module';
import { PermissionsModule } from './permissions/permissions.module';
import { TokenAuthModule } from './token-auth/token-auth.module';

/** What shapes the module graph, and must therefore be known before any factory runs. */
export interface LatchkeyExtras {
  /**
   * Whether the REST API is mounted. Without it only the guard, its decorators and the services are there.
   * @default true
   */
  readonly controllers?: boolean;
}

const REST_MODULES: Type[] = [
  AccessTokensApiModule,
  HealthModule,
  InstanceModule,
  OrganizationsModule,
  IdentitiesModule,
  TokenAuthModule,
  ...AUTH_METHOD_MODULES,
];

/** Machine identities and access tokens for a Nest application. */
@Module({
  imports: [AccessTokensModule, MaintenanceModule, PermissionsModule],
  exports: [AccessTokensModule, PermissionsModule],
})
export class LatchkeyModule {
  /** Sets Latchkey up with options known now. */
  static forRoot(options: typeof OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    return this.around(LatchkeyCoreModule.forRoot(options), options);
  }

  /** Sets Latchkey up with options that a factory or class of the application provides. */
  static forRootAsync(options: typeof ASYNC_OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    return this.around(LatchkeyCoreModule.forRootAsync(options), options);
  }

  private static around(core: DynamicModule, { controllers = true }: LatchkeyExtras): DynamicModule {
    return { module: LatchkeyModule, imports: [core, ...(controllers ? REST_MODULES : [])] };
  }
}
